//! Errors that derive their codes, answered by a real router.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt as _;
use plimsoll_errors::{Coded, Public, catalog};
use serde_json::{Value, json};
use tower::ServiceExt as _;

catalog! {
    /// Codes of the service under test.
    enum BoxCode: "BOX" {
        1001 NoBox {
            status: 404, blame: Client, retry: Never, title: "No box",
            client: "No box has this id.", support: "Ask for the id.", operator: "Nothing.",
        },
        1002 TooMany {
            status: 429, blame: Client, retry: After(Duration::from_secs(1)), title: "Too many",
            client: "Wait.", support: "Known.", operator: "Nothing.",
        },
        2001 StoreDown {
            status: 503, blame: Dependency, retry: Safe, title: "Store down",
            client: "Try again.", support: "Known.", operator: "Look at the store.",
        },
    }
}

/// Must stand in no answer.
const SECRET: &str = "postgres://root:hunter2@10.0.0.7/boxes";

#[derive(Debug, Clone, Copy)]
struct BoxId(u32);

impl std::fmt::Display for BoxId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "box_{:03}", self.0)
    }
}

impl Public for BoxId {}

#[derive(Debug, thiserror::Error, Coded)]
enum StoreError {
    #[error("no row in {table} of {SECRET}")]
    #[code(
        BoxCode::NoBox,
        detail = "No box has the id {id}: {{}}.",
        field("/boxes/{at}/id", "{id} is no box"),
        field("", "one of its boxes is wrong")
    )]
    Missing { id: BoxId, at: usize, table: String },
    #[error("cannot reach {SECRET}")]
    #[code(BoxCode::StoreDown)]
    Down(#[source] std::io::Error),
}

#[derive(Debug, thiserror::Error, Coded)]
enum BoxError<E: Coded + 'static> {
    #[error("over by {over}")]
    #[code(BoxCode::TooMany, retry_after = wait)]
    TooMany { over: u32, wait: Option<Duration> },
    #[error("around")]
    #[code(forward)]
    Inner(#[source] E),
}

async fn open(Path(which): Path<String>) -> Result<&'static str, BoxError<StoreError>> {
    let store = || match which.as_str() {
        "missing" => Err(StoreError::Missing {
            id: BoxId(7),
            at: 2,
            table: SECRET.into(),
        }),
        "down" => Err(StoreError::Down(std::io::Error::other(SECRET))),
        _ => Ok("a box"),
    };
    match which.as_str() {
        "wait" => Err(BoxError::TooMany {
            over: 3,
            wait: Some(Duration::from_secs(9)),
        }),
        "wait-as-said" => Err(BoxError::TooMany {
            over: 3,
            wait: None,
        }),
        _ => store().map_err(BoxError::Inner),
    }
}

async fn ask(which: &str) -> (u16, Option<String>, Value) {
    let app = Router::new().route("/{which}", get(open));
    let request = Request::get(format!("/{which}"))
        .body(Body::empty())
        .unwrap();
    let (head, body) = app.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.into()).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    let wait = head.headers.get("retry-after");
    let wait = wait.map(|wait| wait.to_str().unwrap().to_owned());
    (
        head.status.as_u16(),
        wait,
        serde_json::from_str(&text).unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_derived_error_is_a_response_with_its_code_and_public_values() {
    let (status, _, body) = ask("missing").await;
    assert_eq!((status, &body["code"]), (404, &json!("BOX-1001")));
    assert_eq!(body["detail"], "No box has the id box_007: {}.");
    let fields = json!([
        { "pointer": "/boxes/2/id", "detail": "box_007 is no box" },
        { "pointer": "", "detail": "one of its boxes is wrong" },
    ]);
    assert_eq!(body["errors"], fields);
}

#[tokio::test]
async fn a_forwarded_error_answers_as_the_inner_one_and_says_nothing_of_its_sources() {
    let (status, _, body) = ask("down").await;
    assert_eq!((status, &body["code"]), (503, &json!("BOX-2001")));
    assert_eq!(body["detail"], "Try again.");
    let error = BoxError::Inner(StoreError::Down(std::io::Error::other(SECRET)));
    let fault = plimsoll_errors::Fault::from(error);
    assert!(
        fault
            .cause
            .unwrap()
            .starts_with("around: cannot reach postgres")
    );
}

#[tokio::test]
async fn a_wait_comes_from_the_error_or_else_from_the_code() {
    let (status, wait, body) = ask("wait").await;
    assert_eq!((status, wait.as_deref()), (429, Some("9")));
    assert_eq!(
        body["retry"],
        json!({ "policy": "after", "after_ms": 9_000 })
    );
    assert_eq!(ask("wait-as-said").await.1.as_deref(), Some("1"));
}
