//! Whether an answer is in the shape, or the application's own and untouched.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, response};
use serde_json::Value;

use crate::Input;
use crate::app::{FOREIGN, OWN};

/// What of the request the judge must know.
pub(crate) struct Asked {
    all: bool,
    head: bool,
    grpc: bool,
    path: String,
}

impl Asked {
    pub(crate) fn of(input: &Input<'_>, request: &Request<Body>) -> Self {
        Self {
            all: input.all,
            head: request.method() == Method::HEAD,
            grpc: request.method() == Method::POST && is_grpc(request.headers()),
            path: request.uri().path().into(),
        }
    }
}

/// As gRPC over HTTP/2 says: the type itself, or one with a suffix or parameters.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").map(|kind| kind.as_bytes());
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

pub(crate) fn judge(asked: &Asked, head: &response::Parts, body: &Bytes) {
    let said = String::from_utf8_lossy(body);
    let all = format!("{head:?} {said}");
    assert!(!all.contains("hunter2"), "an internal text leaked: {all}");
    assert!(
        head.headers.contains_key("x-request-id"),
        "no request id: {all}"
    );
    if asked.head {
        assert!(body.is_empty(), "HEAD has a body: {all}");
    }
    if asked.grpc && head.headers.contains_key("grpc-status") {
        assert_eq!(head.status, 200, "{all}");
        assert!(body.is_empty(), "a trailers-only answer has a body: {all}");
        assert!(
            head.headers.contains_key("grpc-status-details-bin"),
            "{all}"
        );
        return;
    }
    if head.status.as_u16() < 400 {
        return;
    }
    let kind = head.headers.get("content-type").map(|kind| kind.as_bytes());
    if kind == Some(b"application/problem+json") {
        assert!(!asked.grpc, "a gRPC call got a problem: {all}");
        problem(asked, head, body, &all);
        return;
    }
    let own = match asked.path.as_str() {
        "/own" => head.status == 409 && (asked.head || said == OWN),
        "/foreign" if !asked.all => head.status == 502 && (asked.head || said == FOREIGN),
        _ => false,
    };
    assert!(own, "outside the shape: {all}");
}

fn problem(asked: &Asked, head: &response::Parts, body: &Bytes, all: &str) {
    assert_eq!(head.headers["cache-control"], "no-store", "{all}");
    if asked.head {
        return;
    }
    let problem: Value = serde_json::from_slice(body).expect(all);
    assert_eq!(problem["status"], head.status.as_u16(), "{all}");
    let request_id = head.headers["x-request-id"].to_str().expect(all);
    assert_eq!(problem["request_id"], request_id, "{all}");
    let code = problem["code"].as_str().expect(all);
    assert_eq!(problem["type"], format!("/errors/{code}"), "{all}");
    let reference = problem["ref"].as_str().expect(all);
    let read = plimsoll::errors::reference::parse(reference).expect(all);
    assert_eq!(read.code(), code, "{all}");
    for key in ["title", "reason", "detail", "instance", "trace_id"] {
        assert!(
            problem[key].as_str().is_some_and(|text| !text.is_empty()),
            "{key}: {all}"
        );
    }
    let waits = problem["retry"]["policy"] == "after";
    assert_eq!(waits, problem["retry"]["after_ms"].is_u64(), "{all}");
    assert_eq!(waits, head.headers.contains_key("retry-after"), "{all}");
}
