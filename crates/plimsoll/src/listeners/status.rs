//! Probes and metrics.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use plimsoll_telemetry::metrics::CONTENT_TYPE;

use crate::Plimsoll;

pub(crate) fn router(plimsoll: Plimsoll) -> Router {
    Router::new()
        .route(
            "/",
            get(async || "/livez\n/readyz\n/startupz\n/health\n/metrics\n"),
        )
        .route("/metrics", get(metrics))
        .fallback(probe)
        .with_state(plimsoll)
}

async fn metrics(State(plimsoll): State<Plimsoll>) -> Response {
    (
        [(header::CONTENT_TYPE, CONTENT_TYPE)],
        plimsoll.telemetry().render(),
    )
        .into_response()
}

async fn probe(State(plimsoll): State<Plimsoll>, request: Request) -> Response {
    let uri = request.uri();
    let answer = plimsoll.health().answer(uri.path(), uri.query(), false);
    match answer {
        Some(answer) => answer.map(Body::from),
        None => (StatusCode::NOT_FOUND, "not here; / lists what is\n").into_response(),
    }
}
