//! `shape = "all"`: bare failures of foreign layers and handlers take the shape,
//! everything else passes and is counted.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Json, Router};
use http::{StatusCode, header};
use plimsoll_core::{Blame, Mode, Outcome, Part, Rollout, Slo};
use plimsoll_errors::{ErrorsLayer, Passthrough, Shape};
use support::{Answer, Recording, SECRET, empty, request, send};

fn challenge() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"cards\"")];
    (StatusCode::UNAUTHORIZED, challenge, SECRET).into_response()
}

fn app(recording: &Recording, errors: ErrorsLayer) -> Router {
    Router::new()
        .route("/empty/404", any(async || StatusCode::NOT_FOUND))
        .route("/empty/502", any(async || StatusCode::BAD_GATEWAY))
        .route("/empty/418", any(async || StatusCode::IM_A_TEAPOT))
        .route(
            "/text/500",
            any(async || (StatusCode::INTERNAL_SERVER_ERROR, SECRET)),
        )
        .route("/text/401", any(async || challenge()))
        .route("/json", any(async || (StatusCode::BAD_REQUEST, Json(1))))
        .route(
            "/passed",
            any(async || (StatusCode::BAD_GATEWAY, Extension(Passthrough), "origin")),
        )
        .layer(errors)
        .layer(recording.clone())
}

async fn ask(method: &str, path: &str, layer: &ErrorsLayer) -> (Answer, plimsoll_core::Record) {
    let recording = Recording::default();
    let request = request(method, path).body(empty()).unwrap();
    let answer = send(app(&recording, layer.clone()), request).await;
    (answer, recording.only())
}

fn all() -> ErrorsLayer {
    ErrorsLayer::new().shape(Shape::All)
}

#[tokio::test]
async fn a_bare_failure_keeps_its_status_and_headers_and_its_text_is_only_logged() {
    for (path, status, code, outcome, blame, slo) in [
        (
            "/empty/404",
            404,
            "PLM-1019",
            Outcome::ClientError,
            Blame::Client,
            Slo::Excluded,
        ),
        (
            "/empty/418",
            418,
            "PLM-1019",
            Outcome::ClientError,
            Blame::Client,
            Slo::Excluded,
        ),
        (
            "/empty/502",
            502,
            "PLM-5003",
            Outcome::Fault,
            Blame::Server,
            Slo::Bad,
        ),
        (
            "/text/500",
            500,
            "PLM-5003",
            Outcome::Fault,
            Blame::Server,
            Slo::Bad,
        ),
        (
            "/text/401",
            401,
            "PLM-1014",
            Outcome::ClientError,
            Blame::Client,
            Slo::Excluded,
        ),
    ] {
        let (answer, record) = ask("GET", path, &all()).await;
        let problem = answer.problem();
        assert_eq!(answer.head.status, status, "{path}");
        assert_eq!(problem["code"], code, "{path}");
        assert_eq!(
            problem["ref"].as_str(),
            record.reference.as_deref(),
            "{path}"
        );
        assert_eq!(record.code, Some(code), "{path}");
        assert_eq!(record.status, status, "{path}");
        let cause = path.starts_with("/text").then_some(SECRET);
        assert_eq!(record.cause.as_deref(), cause, "{path}");
        // The recorder of these tests decides by the status, as telemetry does.
        assert_eq!(
            (record.outcome, record.blame, record.slo),
            (Some(outcome), Some(blame), Some(slo)),
            "{path}"
        );
    }
    let (answer, _) = ask("GET", "/text/401", &all()).await;
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"cards\"")
    );
}

#[tokio::test]
async fn by_default_no_bare_failure_is_touched() {
    for path in ["/empty/404", "/empty/502", "/text/500", "/text/401"] {
        let layer = ErrorsLayer::new();
        let (answer, record) = ask("GET", path, &layer).await;
        let ours = Some("application/problem+json");
        assert_ne!(answer.header("content-type"), ours, "{path}");
        assert_eq!(record.code, None, "{path}");
        assert_eq!(layer.counts().left().map(|row| row.1).sum::<u64>(), 0);
    }
}

#[tokio::test]
async fn other_bodies_and_marked_answers_pass_unchanged_and_are_counted() {
    let layer = all();
    let (answer, record) = ask("GET", "/json", &layer).await;
    assert_eq!((&answer.body[..], record.code), (&b"1"[..], None));
    // HEAD shows the content type of the body that GET has.
    let (answer, _) = ask("HEAD", "/json", &layer).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let (answer, record) = ask("GET", "/passed", &layer).await;
    assert_eq!((&answer.body[..], record.code), (&b"origin"[..], None));
    let left: BTreeMap<_, _> = layer.counts().left().collect();
    assert_eq!(left, BTreeMap::from([("body", 2), ("passthrough", 1)]));
}

#[tokio::test]
async fn a_grpc_call_that_ends_bare_gets_a_status() {
    let request = request("POST", "/empty/502").header("content-type", "application/grpc");
    let recording = Recording::default();
    let answer = send(app(&recording, all()), request.body(empty()).unwrap()).await;
    assert_eq!(answer.head.status, 200);
    assert_eq!(answer.header("grpc-status"), Some("2"));
    assert_eq!(recording.only().grpc_status, Some(2));
}

#[tokio::test]
async fn observe_counts_what_would_be_shaped_and_changes_nothing() {
    let rollout = Rollout::all(Mode::Observe);
    let (answer, record) = ask("GET", "/text/500", &all().rollout(rollout.clone())).await;
    assert_eq!((&answer.body[..], record.code), (SECRET.as_bytes(), None));
    let counts = rollout.counts();
    assert_eq!((counts[0].part, counts[0].count), (Part::Shape, 1));
}
