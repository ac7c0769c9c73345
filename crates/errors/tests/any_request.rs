//! Through `Service::call` with anything the `http` crate can build: never a
//! panic, and every failure is ours or untouched.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use axum::body::Body;
use axum::extract::{Json, Path, Query};
use axum::response::IntoResponse;
use axum::routing::{self, post};
use axum::{Form, Router};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use plimsoll_errors::ErrorsLayer;
use proptest::prelude::*;
use serde::Deserialize;
use support::Recording;
use tower::ServiceExt;

#[derive(Deserialize)]
struct Card {
    #[serde(rename = "number")]
    _number: u32,
}

const OWN: &str = "Failed to parse the request body as JSON";

async fn panics(text: String) {
    panic!("{text}");
}

fn app(recording: &Recording) -> Router {
    Router::new()
        .route("/json", post(async |_: Json<Card>| ()))
        .route("/form", routing::any(async |_: Form<Card>| ()))
        .route("/query", routing::any(async |_: Query<Card>| ()))
        .route("/path/{id}", routing::any(async |_: Path<u8>| ()))
        .route("/text", post(panics))
        .route(
            "/own",
            routing::any(async || (StatusCode::BAD_REQUEST, OWN).into_response()),
        )
        .layer(ErrorsLayer::new().body_limit(Some(256)))
        .layer(recording.clone())
}

fn uri() -> impl Strategy<Value = Uri> {
    let path = prop_oneof![
        Just("/json".to_owned()),
        Just("/form".to_owned()),
        Just("/text".to_owned()),
        Just("/own".to_owned()),
        "/path/[!-~]{0,20}",
        "/query\\?[!-~]{0,20}",
        "/[!-~]{0,20}",
    ];
    // What is no address cannot be asked for.
    path.prop_map(|path| path.parse().unwrap_or_else(|_| Uri::from_static("/*")))
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let kind = prop_oneof![
        Just(b"application/json".to_vec()),
        Just(b"application/x-www-form-urlencoded".to_vec()),
        Just(b"application/grpc".to_vec()),
        proptest::collection::vec(0x20_u8..0xff, 0..20),
    ];
    let known = prop_oneof![Just("content-type"), Just("content-length"), Just("accept")];
    let name = prop_oneof![3 => known.prop_map(str::to_owned), 1 => "[a-z-]{1,12}"];
    proptest::collection::vec((name, kind), 0..4)
}

proptest! {
    #[test]
    fn anything_gets_an_answer_in_the_shape_or_untouched(
        method in prop_oneof![Just("GET"), Just("POST"), Just("HEAD"), Just("CONNECT"), Just("X!")],
        uri in uri(),
        headers in headers(),
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut request = Request::new(Body::from(body));
        *request.uri_mut() = uri;
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_bytes(&value);
            if let (Ok(name), Ok(value)) = (name, value) {
                request.headers_mut().insert(name, value);
            }
        }
        let recording = Recording::default();
        let answered = app(&recording).oneshot(request).now_or_never();
        let response = answered.expect("nothing here waits").unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let record = recording.only();
        let kind = head.headers.get("content-type").map(HeaderValue::as_bytes);
        match kind {
            Some(b"application/problem+json") => {
                prop_assert_eq!(record.status, head.status.as_u16());
                prop_assert!(record.code.is_some());
                if method == "HEAD" {
                    prop_assert!(body.is_empty());
                } else {
                    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
                    prop_assert_eq!(problem["code"].as_str(), record.code);
                    prop_assert_eq!(problem["ref"].as_str(), record.reference.as_deref());
                }
            }
            Some(kind) if kind.starts_with(b"application/grpc") => {
                prop_assert!(head.headers.contains_key("grpc-status"));
            }
            _ => {
                let own = head.status == 400 && (body == OWN || method == "HEAD");
                prop_assert!(head.status == 200 || own, "{:?} {:?}", head, body);
                prop_assert_eq!(record.code, None);
            }
        }
    }
}
