//! Every failure that axum itself produces, over TCP: the shape, the code, the
//! record, and nothing from inside.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use axum::extract::{Form, Json, MatchedPath, NestedPath, Path, Query, RawPathParams};
use axum::routing::{get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use http::Request;
use http_body_util::{Full, StreamBody};
use plimsoll_core::{Blame, Mode, Outcome, Part, Rollout, Slo};
use plimsoll_errors::ErrorsLayer;
use serde::Deserialize;
use support::{Answer, Recording, empty, request, send, send_body};
use tower::ServiceExt;

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the form matters")]
struct Card {
    number: u32,
}

fn app(recording: &Recording, errors: ErrorsLayer) -> Router {
    Router::new()
        .route("/json", post(async |_: Json<Card>| ()))
        .route(
            "/form",
            get(async |_: Form<Card>| ()).post(async |_: Form<Card>| ()),
        )
        .route("/query", get(async |_: Query<Card>| ()))
        .route("/cards/{id}", get(async |_: Path<u32>| ()))
        .route("/raw/{id}", get(async |_: RawPathParams| ()))
        .route("/option/{id}", get(async |_: Path<Option<u32>>| ()))
        .route("/nested", get(async |_: NestedPath| ()))
        .route("/pairs/{id}", get(async |_: Path<(u32, u32)>| ()))
        .route("/extension", get(async |_: Extension<Card2>| ()))
        .route("/text", post(async |_: String| ()))
        .route("/limited", post(async |_: Bytes| ()))
        .nest(
            "/inner",
            Router::new()
                .route("/unmatched", get(async |_: Path<u32>| ()))
                .fallback(async |_: MatchedPath| ()),
        )
        .layer(axum::extract::DefaultBodyLimit::max(64))
        .layer(errors)
        .layer(recording.clone())
}

#[derive(Clone)]
struct Card2;

fn json(body: &'static str) -> Request<Full<Bytes>> {
    let request = request("POST", "/json").header("content-type", "application/json");
    request.body(body.into()).unwrap()
}

fn form(method: &str, path: &str, body: &'static str) -> Request<Full<Bytes>> {
    let kind = "application/x-www-form-urlencoded";
    let request = request(method, path).header("content-type", kind);
    request.body(body.into()).unwrap()
}

fn bare(method: &str, path: &str) -> Request<Full<Bytes>> {
    request(method, path).body(empty()).unwrap()
}

/// Name, request, status, code, a part of the detail.
type Row = (
    &'static str,
    Request<Full<Bytes>>,
    u16,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let text = |body: &'static [u8]| {
        let body = Full::new(Bytes::from_static(body));
        request("POST", "/text").body(body).unwrap()
    };
    let long = "0123456789".repeat(10);
    let large = request("POST", "/limited").body(long.into()).unwrap();
    vec![
        ("no route", bare("GET", "/nowhere"), 404, "PLM-1001", "path"),
        ("wrong method", bare("DELETE", "/json"), 405, "PLM-1002", "Allow"),
        ("JSON syntax", json("{"), 400, "PLM-1003", "EOF while parsing"),
        ("JSON data", json("{\"number\":\"x\"}"), 422, "PLM-1004", "number: invalid type"),
        ("no content type", bare("POST", "/json"), 415, "PLM-1005", "Content-Type"),
        ("path", bare("GET", "/cards/x"), 400, "PLM-1006", "to a `u32`"),
        ("path, not UTF-8", bare("GET", "/cards/%ff"), 400, "PLM-1006", "Invalid UTF-8"),
        ("raw path, not UTF-8", bare("GET", "/raw/%ff"), 400, "PLM-1006", "path"),
        ("query", bare("GET", "/query?number=x"), 400, "PLM-1007", "invalid digit"),
        ("form in query", bare("GET", "/form?number=x"), 400, "PLM-1008", "invalid digit"),
        ("form", form("POST", "/form", "number=x"), 422, "PLM-1009", "invalid digit"),
        ("form content type", bare("POST", "/form"), 415, "PLM-1005", "Content-Type"),
        ("over axum's limit", large, 413, "PLM-1010", "length limit exceeded"),
        ("not UTF-8", text(b"\xff"), 400, "PLM-1012", "invalid utf-8"),
        ("missing extension", bare("GET", "/extension"), 500, "PLM-5002", "on our side"),
        ("path parameter type", bare("GET", "/option/1"), 500, "PLM-5002", "on our side"),
        ("no path parameters", bare("GET", "/inner/unmatched"), 500, "PLM-5002", "on our side"),
        ("no matched path", bare("GET", "/inner/else"), 500, "PLM-5002", "on our side"),
        ("not nested", bare("GET", "/nested"), 500, "PLM-5002", "on our side"),
        ("path parameters", bare("GET", "/pairs/1"), 500, "PLM-5002", "on our side"),
    ]
}

fn check(name: &str, answer: &Answer, recording: &Recording, status: u16, code: &str) {
    let record = recording.only();
    let problem = answer.problem();
    assert_eq!(problem["code"], code, "{name}");
    assert_eq!(answer.head.status, status, "{name}");
    assert_eq!(problem["type"], format!("/errors/{code}"), "{name}");
    assert_eq!(
        problem["request_id"],
        record.ids.request_id.as_str(),
        "{name}"
    );
    assert_eq!(
        problem["trace_id"],
        record.ids.trace_id.to_string(),
        "{name}"
    );
    assert_eq!(
        problem["ref"].as_str(),
        record.reference.as_deref(),
        "{name}"
    );
    assert_eq!(record.code, Some(code), "{name}");
    let client = status < 500;
    let outcome = if client {
        Outcome::ClientError
    } else {
        Outcome::Fault
    };
    let blame = if client { Blame::Client } else { Blame::Server };
    let slo = if client { Slo::Excluded } else { Slo::Bad };
    assert_eq!(record.outcome, Some(outcome), "{name}");
    assert_eq!(
        (record.blame, record.slo),
        (Some(blame), Some(slo)),
        "{name}"
    );
    for inside in ["Card2", "Extension", "plimsoll", "axum", "::"] {
        assert!(
            !problem["detail"].as_str().unwrap().contains(inside),
            "{name}: {inside} in {problem}"
        );
    }
}

#[tokio::test]
async fn every_failure_of_axum_takes_the_shape() {
    for (name, request, status, code, detail) in rows() {
        let recording = Recording::default();
        let answer = send(app(&recording, ErrorsLayer::new()), request).await;
        check(name, &answer, &recording, status, code);
        let problem = answer.problem();
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{name}: {told}");
    }
}

#[tokio::test]
async fn a_405_keeps_what_axum_allows() {
    let recording = Recording::default();
    let app = app(&recording, ErrorsLayer::new());
    let answer = send(app, bare("DELETE", "/form")).await;
    assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
}

#[tokio::test]
async fn a_body_declared_too_large_is_refused_before_the_handler() {
    let recording = Recording::default();
    let app = app(&recording, ErrorsLayer::new().body_limit(Some(10)));
    let request = request("POST", "/text").body("eleven char".into()).unwrap();
    let answer = send(app, request).await;
    check("declared", &answer, &recording, 413, "PLM-1010");
}

#[tokio::test]
async fn a_chunked_body_too_large_takes_the_shape_of_axums_limit() {
    let recording = Recording::default();
    let frames = (0..20).map(|_| Ok(http_body::Frame::data(Bytes::from_static(b"0123456789"))));
    let body = StreamBody::new(futures_util::stream::iter(
        frames.collect::<Vec<Result<_, std::io::Error>>>(),
    ));
    let (parts, ()) = request("POST", "/limited").body(()).unwrap().into_parts();
    let app = app(&recording, ErrorsLayer::new());
    let answer = send_body(app, parts, body).await;
    check("chunked", &answer, &recording, 413, "PLM-1010");
}

#[tokio::test]
async fn observe_counts_by_route_and_changes_nothing_and_off_does_not_even_count() {
    for (name, request, status, ..) in rows() {
        let plain = send(app(&Recording::default(), off()), request.clone()).await;
        assert_ne!(
            plain.header("content-type"),
            Some("application/problem+json"),
            "{name}"
        );
        assert_eq!(plain.head.status, status);

        let rollout = Rollout::all(Mode::Observe);
        let layer = ErrorsLayer::new().rollout(rollout.clone());
        let recording = Recording::default();
        let observed = send(app(&recording, layer), request).await;
        assert_eq!(observed.body, plain.body, "{name}");
        let without_date = |answer: &Answer| {
            let mut headers = answer.head.headers.clone();
            headers.remove("date");
            headers
        };
        assert_eq!(without_date(&observed), without_date(&plain), "{name}");
        let record = recording.only();
        assert_eq!(record.code, None, "{name}");
        let counts = rollout.counts();
        assert_eq!(counts.len(), 1, "{name}");
        assert_eq!(
            (counts[0].part, counts[0].count),
            (Part::Shape, 1),
            "{name}"
        );
        assert_eq!(counts[0].route, record.route, "{name}");
    }
}

fn off() -> ErrorsLayer {
    ErrorsLayer::new().rollout(Rollout::all(Mode::Off))
}

#[tokio::test]
async fn a_head_request_gets_the_headers_and_no_body() {
    let answer = send(
        app(&Recording::default(), ErrorsLayer::new()),
        bare("HEAD", "/nowhere"),
    )
    .await;
    assert_eq!(answer.head.status, 404);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert!(answer.body.is_empty());
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert!(length > 100, "{length}");
}

#[tokio::test]
async fn a_body_that_breaks_off_takes_the_shape_while_the_connection_stands() {
    let frames = [Err::<Bytes, _>(std::io::Error::other("reset"))];
    let body = axum::body::Body::from_stream(futures_util::stream::iter(frames));
    let recording = Recording::default();
    let request = request("POST", "/limited").body(body).unwrap();
    let service = app(&recording, ErrorsLayer::new());
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(recording.only().code, Some("PLM-1011"));
}
