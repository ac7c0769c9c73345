//! Whatever a client sends that gets through to the layer: an answer, and lines
//! that are bounded, whole and free of control characters.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use plimsoll::{PeerAddr, Plimsoll, Trust};
use plimsoll_testkit::body::{Script, Step};
use tower::ServiceExt;

use crate::support::{Lines, instance};

/// Far above an honest line, far below what was sent.
const LONGEST_LINE: usize = 4_096;

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Gift,
}

#[derive(serde::Deserialize)]
struct Order {
    kind: Kind,
}

fn app(plimsoll: &Plimsoll) -> Router {
    let order = async |Json(order): Json<Order>| format!("{:?}", order.kind);
    Router::new()
        .route("/orders", post(order))
        .route(
            "/cards/{id}",
            get(async |Path(id): Path<u64>| id.to_string()),
        )
        .route("/names/{name}", get(async |Path(name): Path<String>| name))
        .route(
            "/find",
            get(async |Query(all): Query<HashMap<String, u8>>| all.len().to_string()),
        )
        .layer(plimsoll.layer())
}

fn guest() -> (Plimsoll, Lines) {
    let trust: Trust = "loopback".parse().unwrap();
    instance(|builder| builder.trust(trust))
}

async fn send(app: &Router, mut request: Request<Body>) -> (u16, String) {
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    request.extensions_mut().insert(PeerAddr(peer));
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Reads every line as JSON, and looks at its bytes.
fn inspect(lines: &Lines) {
    for line in lines.all() {
        assert!(line.to_string().len() < LONGEST_LINE, "{line:.400}");
    }
    let text = lines.text();
    let raw = text
        .chars()
        .find(|letter| letter.is_control() && *letter != '\n');
    assert_eq!(raw, None, "a control character in the log");
}

#[tokio::test]
async fn what_axum_refuses_is_a_coded_problem_and_no_value_of_the_client_is_logged() {
    let (plimsoll, lines) = guest();
    let app = app(&plimsoll);
    let long = "A".repeat(100_000);
    let json = "application/json";
    let quoted = |text: &str| Body::from(format!("{{\"kind\":\"{text}\"}}"));
    let chunks = vec![Step::Data("{\"kind\":"), Step::Fail("cut off")];
    let rows = [
        (
            Method::POST,
            "/orders".to_owned(),
            json,
            quoted("gift"),
            200,
        ),
        (Method::POST, "/orders".into(), json, Body::from("{"), 400),
        (
            Method::POST,
            "/orders".into(),
            json,
            Body::from("\u{1b}[2J"),
            400,
        ),
        (Method::POST, "/orders".into(), json, quoted(&long), 422),
        (Method::POST, "/orders".into(), json, Body::from("[]"), 422),
        (
            Method::POST,
            "/orders".into(),
            json,
            Body::new(Script::new(chunks)),
            400,
        ),
        (
            Method::POST,
            "/orders".into(),
            "text/plain",
            quoted("gift"),
            415,
        ),
        (Method::POST, "/orders".into(), "", quoted("gift"), 415),
        (Method::PUT, "/orders".into(), json, quoted("gift"), 405),
        (Method::GET, "/cards/7".into(), json, Body::empty(), 200),
        (Method::GET, "/cards/seven".into(), json, Body::empty(), 400),
        (
            Method::GET,
            "/names/%ff%fe".into(),
            json,
            Body::empty(),
            400,
        ),
        (Method::GET, "/find?a=b".into(), json, Body::empty(), 400),
        (
            Method::GET,
            format!("/cards/{}", &long[..60_000]),
            json,
            Body::empty(),
            400,
        ),
        (
            Method::GET,
            format!("/find?a={}", &long[..60_000]),
            json,
            Body::empty(),
            400,
        ),
        (
            Method::GET,
            format!("/{}", &long[..60_000]),
            json,
            Body::empty(),
            404,
        ),
    ];
    for (method, path, kind, body, status) in rows {
        let what = format!("{method} {path:.40} {kind}");
        let mut request = Request::builder().method(method).uri(path);
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let (got, text) = send(&app, request.body(body).unwrap()).await;
        assert_eq!(got, status, "{what}: {text:.200}");
        assert!(text.len() < LONGEST_LINE, "{what}: {text:.200}");
        if status >= 400 {
            let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(
                problem["code"].as_str().unwrap().starts_with("PLM-"),
                "{text}"
            );
        }
    }
    lines.requests(16).await;
    inspect(&lines);
    assert!(
        !lines.text().contains(&long[..300]),
        "what a client sent is not logged at length"
    );
    assert!(plimsoll.telemetry().report().holds());
}

/// Names that some part reads.
const READ: [&str; 10] = [
    "traceparent",
    "tracestate",
    "x-request-id",
    "x-forwarded-for",
    "host",
    "content-type",
    "content-length",
    "accept",
    "te",
    "user-agent",
];

#[tokio::test]
async fn any_bytes_in_any_header_that_is_read_leave_whole_lines_and_a_true_ledger() {
    let (plimsoll, lines) = guest();
    let app = app(&plimsoll);
    let mut random = fastrand::Rng::with_seed(7);
    let mut sent = 0;
    for _ in 0..2_000 {
        let mut request = Request::get("/names/one").body(Body::empty()).unwrap();
        for name in READ {
            let length = [0, 3, 55, 64, 300, 65_536][random.usize(..6)];
            let value: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            // Near what is valid, every so often.
            let value = match random.u8(..4) {
                0 => format!(
                    "00-{:032x}-{:016x}-0{}",
                    random.u128(..),
                    random.u64(..),
                    random.u8(..9)
                )
                .into(),
                1 => value.iter().map(|byte| b' ' + byte % 95).collect(),
                _ => value,
            };
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        let (status, _) = send(&app, request).await;
        assert!(matches!(status, 200 | 413), "{status}");
        sent += 1;
    }
    lines.requests(sent).await;
    inspect(&lines);
    let report = plimsoll.telemetry().report();
    assert_eq!(
        (report.requests.started, report.holds()),
        (sent as u64, true),
        "{report}"
    );
}
