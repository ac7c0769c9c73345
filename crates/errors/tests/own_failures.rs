//! Failures of the application and of inner layers: coded errors, panics,
//! refusals; and what the application wrote itself, which is left alone.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use plimsoll_core::{Blame, Outcome, Refusal, Slo};
use plimsoll_errors::{
    Code, Coded, ErrorsLayer, Fault, FieldFault, Problem, PublicText, reference,
};
use serde_json::json;
use support::{Answer, Recording, SECRET, TestCode, empty, request, send};

#[derive(Debug, thiserror::Error)]
enum CardError {
    #[error("select from {SECRET} found no row")]
    Missing,
    #[error("store")]
    Store(#[source] std::io::Error),
}

impl Coded for CardError {
    fn code(&self) -> &'static Code {
        match self {
            Self::Missing => TestCode::CardNotFound.code(),
            Self::Store(_) => TestCode::StoreDown.code(),
        }
    }

    fn detail(&self) -> Option<PublicText> {
        // A mistake that must do no harm where the fault is not the client's.
        matches!(self, Self::Store(_)).then_some(SECRET.into())
    }

    fn fields(&self) -> Vec<FieldFault> {
        let pointer = "/card/id".into();
        let detail = "no such card".into();
        vec![FieldFault { pointer, detail }]
    }
}

async fn missing() -> Result<(), Fault> {
    Err(CardError::Missing)?
}

async fn store() -> Result<(), Fault> {
    Err(CardError::Store(std::io::Error::other(SECRET)))?
}

async fn panics() {
    panic!("cannot reach {SECRET}");
}

fn app(recording: &Recording, errors: ErrorsLayer) -> Router {
    Router::new()
        .route("/missing", get(missing))
        .route("/store", get(store).post(store))
        .route("/panic", get(panics).post(panics))
        .route(
            "/own-text",
            get(async || (StatusCode::BAD_REQUEST, "Failed to parse it")),
        )
        .route(
            "/own-json",
            get(async || (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"e": 1})))),
        )
        .route("/own-bare", get(async || StatusCode::NOT_FOUND))
        .route("/own-empty", get(async || (StatusCode::CONFLICT, "")))
        .route("/refused/{kind}", get(refused).post(refused))
        .layer(errors)
        .layer(recording.clone())
}

/// As inner layers refuse; `limited` adds what the limiter says of the quota.
async fn refused(axum::extract::Path(kind): axum::extract::Path<String>) -> Response {
    let retry_after = Duration::from_millis(2_100);
    let refusal = match kind.as_str() {
        "quota" => Refusal::Quota {
            policy: "per-client",
            violated: &[],
            retry_after,
        },
        "limiter" => Refusal::LimiterDown {
            policy: "per-client",
        },
        "concurrency" => Refusal::Concurrency { retry_after },
        "shed" => Refusal::Shed { retry_after },
        "deadline" => Refusal::Deadline { retry_after },
        "draining" => Refusal::Draining,
        "timeout" => Refusal::Timeout { limit: retry_after },
        "body" => Refusal::BodyTooLarge { limit: 1 },
        _ => return StatusCode::NOT_IMPLEMENTED.into_response(),
    };
    let mut response: Response = refusal.response();
    let policy = header::HeaderValue::from_static("\"per-client\";r=0");
    response.headers_mut().insert("ratelimit", policy);
    response
}

fn bare(method: &str, path: &str) -> Request<Full<Bytes>> {
    request(method, path).body(empty()).unwrap()
}

async fn get_from(path: &str, layer: ErrorsLayer) -> (Answer, plimsoll_core::Record) {
    let recording = Recording::default();
    let answer = send(app(&recording, layer), bare("GET", path)).await;
    (answer, recording.only())
}

#[tokio::test]
async fn a_coded_error_tells_the_client_its_catalog_and_the_log_its_cause() {
    let (answer, record) = get_from("/missing", ErrorsLayer::new()).await;
    let problem = answer.problem();
    assert_eq!(problem["code"], "TEST-1001");
    assert_eq!(problem["reason"], "CARD_NOT_FOUND");
    assert_eq!(problem["detail"], "No card has this id.");
    assert_eq!(problem["retry"], json!({ "policy": "never" }));
    assert_eq!(problem["errors"][0]["pointer"], "/card/id");
    assert_eq!(problem["ref"].as_str(), record.reference.as_deref());
    let shown = reference::parse(problem["ref"].as_str().unwrap()).unwrap();
    assert_eq!(shown.code(), "TEST-1001");
    assert!(
        record
            .ids
            .trace_id
            .to_string()
            .ends_with(&shown.trace_tail())
    );
    assert_eq!(record.code, Some("TEST-1001"));
    assert!(record.cause.unwrap().contains(SECRET), "logged");
}

#[tokio::test]
async fn a_dependency_fault_says_when_to_retry_and_nothing_of_its_own() {
    let (answer, record) = get_from("/store", ErrorsLayer::new()).await;
    let problem = answer.problem();
    assert_eq!(problem["detail"], "Try again in a moment.");
    assert_eq!(
        problem["retry"],
        json!({ "policy": "after", "after_ms": 1500 })
    );
    assert_eq!(problem.get("errors"), None);
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(record.blame, Some(Blame::Dependency));
    assert_eq!(
        (record.outcome, record.slo),
        (Some(Outcome::Fault), Some(Slo::Bad))
    );
    assert_eq!(record.cause.as_deref(), Some(&*format!("store: {SECRET}")));
}

#[tokio::test]
async fn a_panic_is_answered_and_its_message_only_logged() {
    let (answer, record) = get_from("/panic", ErrorsLayer::new()).await;
    assert_eq!(answer.problem()["code"], "PLM-5001");
    assert_eq!(answer.head.status, 500);
    assert_eq!(
        (record.outcome, record.slo),
        (Some(Outcome::Panic), Some(Slo::Bad))
    );
    assert_eq!(
        record.cause.as_deref(),
        Some(&*format!("cannot reach {SECRET}"))
    );
}

#[tokio::test]
async fn refusals_of_inner_layers_take_the_shape_and_keep_their_headers() {
    for (kind, status, code, retry_after, outcome, slo) in [
        (
            "quota",
            429,
            "PLM-2001",
            Some("3"),
            Outcome::Refused,
            Slo::Excluded,
        ),
        (
            "limiter",
            503,
            "PLM-3001",
            Some("1"),
            Outcome::Refused,
            Slo::Bad,
        ),
        (
            "concurrency",
            503,
            "PLM-3002",
            Some("3"),
            Outcome::Refused,
            Slo::Bad,
        ),
        (
            "shed",
            503,
            "PLM-3020",
            Some("3"),
            Outcome::Refused,
            Slo::Bad,
        ),
        (
            "deadline",
            503,
            "PLM-3021",
            Some("3"),
            Outcome::Refused,
            Slo::Bad,
        ),
        (
            "draining",
            503,
            "PLM-3003",
            Some("1"),
            Outcome::ShutdownAbort,
            Slo::Bad,
        ),
        ("timeout", 504, "PLM-3004", None, Outcome::Timeout, Slo::Bad),
        (
            "body",
            413,
            "PLM-1010",
            None,
            Outcome::ClientError,
            Slo::Excluded,
        ),
    ] {
        let (answer, record) = get_from(&format!("/refused/{kind}"), ErrorsLayer::new()).await;
        assert_eq!(answer.problem()["code"], code, "{kind}");
        assert_eq!(answer.head.status, status, "{kind}");
        assert_eq!(answer.header("retry-after"), retry_after, "{kind}");
        assert_eq!(
            answer.header("ratelimit"),
            Some("\"per-client\";r=0"),
            "{kind}"
        );
        assert_eq!(
            (record.outcome, record.slo),
            (Some(outcome), Some(slo)),
            "{kind}"
        );
        assert_eq!(record.code, Some(code), "{kind}");
    }
}

#[tokio::test]
async fn what_the_application_wrote_passes_byte_for_byte_and_gets_no_code() {
    for (path, status, kind, body) in [
        (
            "/own-text",
            400,
            Some("text/plain; charset=utf-8"),
            "Failed to parse it",
        ),
        ("/own-json", 500, Some("application/json"), "{\"e\":1}"),
        ("/own-bare", 404, None, ""),
        ("/own-empty", 409, Some("text/plain; charset=utf-8"), ""),
    ] {
        let (answer, record) = get_from(path, ErrorsLayer::new()).await;
        assert_eq!(answer.head.status, status, "{path}");
        assert_eq!(answer.header("content-type"), kind, "{path}");
        assert_eq!(answer.body, body, "{path}");
        let length = body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(&*length), "{path}");
        assert_eq!((record.code, record.reference), (None, None), "{path}");
    }
}

#[tokio::test]
async fn a_base_makes_type_absolute_and_a_mapper_replaces_the_shape() {
    fn legacy(problem: &Problem, asked: &http::request::Parts) -> Option<http::Response<Bytes>> {
        let body = format!("{{\"oops\":\"{}\"}}", problem.code.id);
        let response = http::Response::builder().status(418);
        let response = response.header("was-asked", asked.uri.path());
        response
            .header("content-type", "application/json")
            .body(body.into())
            .ok()
    }
    for (path, code) in [
        ("/missing", "TEST-1001"),
        ("/nowhere", "PLM-1001"),
        ("/panic", "PLM-5001"),
    ] {
        let layer = ErrorsLayer::new().base("https://api.example.test/errors/");
        let (answer, _) = get_from(path, layer).await;
        let expected = format!("https://api.example.test/errors/{code}");
        assert_eq!(answer.problem()["type"], expected, "{path}");

        let (answer, record) = get_from(path, ErrorsLayer::new().mapper(legacy)).await;
        assert_eq!(answer.head.status, 418, "{path}");
        assert_eq!(answer.header("was-asked"), Some(path));
        assert_eq!(answer.body, format!("{{\"oops\":\"{code}\"}}"), "{path}");
        assert_eq!(record.code, Some(code), "{path}");
    }
}

#[tokio::test]
async fn a_mapper_that_panics_leaves_our_shape() {
    let layer = ErrorsLayer::new().mapper(|_, _| panic!("in the mapper"));
    let (answer, _) = get_from("/nowhere", layer.clone()).await;
    assert_eq!(answer.problem()["code"], "PLM-1001");
    assert_eq!(layer.counts().mapper_panics(), 1);
}

#[tokio::test]
async fn head_stays_empty_for_every_kind_of_failure() {
    for path in ["/missing", "/store", "/panic", "/refused/quota", "/nowhere"] {
        let recording = Recording::default();
        let answer = send(app(&recording, ErrorsLayer::new()), bare("HEAD", path)).await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
        assert!(answer.body.is_empty(), "{path}");
        assert!(recording.only().code.is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_grpc_call_gets_its_failure_as_trailers_only() {
    for (path, number, code) in [
        ("/refused/quota", 8, "PLM-2001"),
        ("/refused/timeout", 4, "PLM-3004"),
        ("/store", 14, "TEST-2001"),
        ("/panic", 13, "PLM-5001"),
    ] {
        let recording = Recording::default();
        let request = request("POST", path).header("content-type", "application/grpc+proto");
        let request = request.body(empty()).unwrap();
        let answer = send(app(&recording, ErrorsLayer::new()), request).await;
        assert_eq!(answer.head.status, 200, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/grpc+proto"),
            "{path}"
        );
        assert_eq!(
            answer.header("grpc-status"),
            Some(&*number.to_string()),
            "{path}"
        );
        let message = answer.header("grpc-message").unwrap();
        assert!(
            message.contains(code) && !message.contains("hunter2"),
            "{message}"
        );
        assert!(answer.body.is_empty(), "{path}");
        let record = recording.only();
        assert_eq!(
            (record.code, record.grpc_status),
            (Some(code), Some(number)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_only_begins_like_grpc_gets_a_problem() {
    for kind in [
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpcx",
    ] {
        let recording = Recording::default();
        let request = request("POST", "/store").header("content-type", kind);
        let request = request.body(empty()).unwrap();
        let answer = send(app(&recording, ErrorsLayer::new()), request).await;
        assert_eq!(answer.problem()["code"], "TEST-2001", "{kind}");
        assert_eq!(recording.only().grpc_status, None, "{kind}");
    }
}

#[tokio::test]
async fn a_cause_is_bounded_even_when_it_was_set_by_hand() {
    let long = || async {
        let mut fault = Fault::new(TestCode::StoreDown);
        fault.cause = Some("x".repeat(100_000).into());
        Err::<(), _>(fault)
    };
    let recording = Recording::default();
    let app = Router::new()
        .route("/", get(long))
        .layer(ErrorsLayer::new());
    send(app.layer(recording.clone()), bare("GET", "/")).await;
    assert_eq!(recording.only().cause.unwrap().chars().count(), 1_024);
}

#[tokio::test]
async fn a_fault_is_a_whole_problem_without_the_layer_and_without_a_record() {
    let alone = Router::new().route("/missing", get(missing));
    let answer = send(alone, bare("GET", "/missing")).await;
    let problem = answer.problem();
    assert_eq!(problem["code"], "TEST-1001");
    assert_eq!(problem.get("request_id"), None);

    let layered = Router::new()
        .route("/", post(async || ()))
        .layer(ErrorsLayer::new());
    let answer = send(layered, bare("GET", "/")).await;
    assert_eq!(answer.problem()["code"], "PLM-1002");
}

#[tokio::test]
async fn a_layer_between_that_writes_its_own_body_for_a_refusal_keeps_it() {
    let own = async |response: Response| {
        if response.extensions().get::<Refusal>().is_some() {
            return response.map(|_| axum::body::Body::from("our own words"));
        }
        response
    };
    let recording = Recording::default();
    let app = Router::new()
        .route("/refused/{kind}", get(refused))
        .layer(axum::middleware::map_response(own))
        .layer(ErrorsLayer::new())
        .layer(recording.clone());
    let answer = send(app, bare("GET", "/refused/quota")).await;
    assert_eq!(answer.body, "our own words");
    assert_eq!(recording.only().code, Some("PLM-2001"));
}
