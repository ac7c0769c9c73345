//! Probes and metrics.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use plimsoll_health::face::grpc::{GRPC_PATH, GrpcHealth};

use crate::Plimsoll;

/// What the status listener serves.
pub(crate) fn router(plimsoll: Plimsoll) -> Router {
    let list = "/livez\n/readyz\n/startupz\n/health\n/metrics\n/grpc.health.v1.Health/{Check,List,Watch}\n";
    routes(plimsoll)
        .route("/", get(async move || list))
        .fallback(async || (StatusCode::NOT_FOUND, "not here; / lists what is\n"))
}

/// Paths of probes, each for GET and HEAD alone.
const PROBES: [&str; 7] = [
    "/livez",
    "/livez/{check}",
    "/readyz",
    "/readyz/{check}",
    "/startupz",
    "/startupz/{check}",
    "/health",
];

/// Probes and metrics, for any router: none of its paths but these are taken.
pub(crate) fn routes(plimsoll: Plimsoll) -> Router {
    let probes = PROBES
        .into_iter()
        .fold(Router::new(), |routes, path| routes.route(path, get(probe)));
    probes
        .route("/metrics", get(metrics))
        .route_service(
            &format!("{GRPC_PATH}{{method}}"),
            GrpcHealth::new(plimsoll.health().clone()),
        )
        .with_state(plimsoll)
}

/// Rendered off the runtime, so that a long page holds up no probe.
async fn metrics(State(plimsoll): State<Plimsoll>, headers: HeaderMap) -> Response {
    let telemetry = plimsoll.telemetry().clone();
    let rendered = tokio::task::spawn_blocking(move || telemetry.scrape(&headers));
    match rendered.await {
        Ok(answer) => answer.map(Body::from),
        Err(error) => {
            tracing::error!(%error, "the metrics page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn probe(State(plimsoll): State<Plimsoll>, request: Request) -> Response {
    let uri = request.uri();
    let answer = plimsoll.health().answer(uri.path(), uri.query(), false);
    match answer {
        Some(answer) => answer.map(Body::from),
        None => (StatusCode::NOT_FOUND, "not here; / lists what is\n").into_response(),
    }
}
