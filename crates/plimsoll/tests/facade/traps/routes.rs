use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::{Request, Response};
use plimsoll_testkit::otlp::attribute;
use plimsoll_testkit::page::Sample;
use plimsoll_testkit::signals::Signals;
use serde_json::Value;

use super::{only, serving, told};
use crate::support::{ask, get, raw, status};

/// Asks once; returns the status and the line.
async fn route_of(app: Router, method: &str, path: &str, outcome: &str) -> (u16, Value) {
    let (address, signals) = serving(app).await;
    let answer = ask(address, method, path).await;
    let line = only(&signals, outcome).await;
    let span = &signals.spans()[0];
    let named = attribute(span, "http.route");
    let route = line["route"].as_str().unwrap();
    assert_eq!(named.as_deref().unwrap_or("unmatched"), route);
    (status(&answer), line)
}

fn cards() -> Router {
    Router::new().route("/cards/{id}", on_get(async || "a card"))
}

#[tokio::test]
async fn a_fallback_has_one_route_whatever_the_path() {
    let (code, line) = route_of(cards(), "GET", "/wp-login.php", "client_error").await;
    assert_eq!((code, &line["route"]), (404, &"unmatched".into()));
    assert_eq!(line["path"], "/wp-login.php", "on the line, never a label");
    let own = cards().fallback(async || "for all");
    let (code, line) = route_of(own, "GET", "/anything", "success").await;
    assert_eq!((code, &line["route"]), (200, &"unmatched".into()));
}

#[tokio::test]
async fn a_405_is_counted_for_its_route() {
    let (code, line) = route_of(cards(), "DELETE", "/cards/7", "client_error").await;
    assert_eq!((code, &line["route"]), (405, &"/cards/{id}".into()));
}

#[tokio::test]
async fn a_nested_router_gives_its_whole_template() {
    let app = Router::new().nest("/v1", cards());
    let (code, line) = route_of(app, "GET", "/v1/cards/7", "success").await;
    assert_eq!((code, &line["route"]), (200, &"/v1/cards/{id}".into()));
    assert_eq!(line["path"], "/v1/cards/7");
}

#[tokio::test]
async fn a_nested_service_gives_no_path_for_a_route() {
    let inner = |request: Request<Body>| {
        let seen = request.uri().path().to_owned();
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::from(seen))))
    };
    let app = Router::new().nest_service("/files", tower::service_fn(inner));
    let (address, signals) = serving(app).await;
    for path in ["/files/a", "/files/b", "/files/c/d"] {
        assert!(get(address, path).await.ends_with(&path["/files".len()..]));
    }
    let lines = told(&signals, &["success"; 3]).await;
    for line in &lines {
        assert_eq!(line["route"], lines[0]["route"], "one route for all");
        assert_eq!(line["path"].as_str().unwrap().find("/files/"), Some(0));
    }
}

#[tokio::test]
async fn an_unknown_method_is_one_label_and_one_span_name() {
    let app = Router::new().route("/", axum::routing::any(async || "tea"));
    let (address, signals) = serving(app).await;
    assert_eq!(status(&ask(address, "BREW", "/").await), 200);
    assert_eq!(status(&ask(address, "get", "/").await), 200);
    let lines = told(&signals, &["success", "success"]).await;
    assert!(lines.iter().all(|line| line["method"] == "_OTHER"));
    for span in signals.spans() {
        assert_eq!(span.name, "HTTP /");
        assert_eq!(attribute(&span, "http.request.method").unwrap(), "_OTHER");
    }
    assert!(!signals.telemetry().render().contains("BREW"));
}

/// How many series requests have made; what telemetry tells of itself may grow.
fn series(signals: &Signals) -> usize {
    let of_requests = |sample: &&Sample| !sample.name.starts_with("plimsoll_telemetry_");
    signals.page().0.iter().filter(of_requests).count()
}

#[tokio::test]
async fn ten_thousand_paths_of_a_scanner_make_no_series_and_no_span_name() {
    let (address, signals) = serving(cards()).await;
    get(address, "/scan/0").await;
    let before = series(&signals);
    let scan = |number: u32| {
        let close = if number == 9_999 {
            "connection: close\r\n"
        } else {
            ""
        };
        format!("GET /scan/{number} HTTP/1.1\r\nhost: test\r\n{close}\r\n")
    };
    raw(address, &(1..10_000).map(scan).collect::<Vec<_>>().concat()).await;
    let lines = signals.receivers().lines.requests(10_000).await;
    assert_eq!(lines.len(), 10_000);
    assert_eq!(series(&signals), before);
    let unmatched = [("http_route", "unmatched")];
    let counted = signals.page().sum("plimsoll_requests_total", &unmatched);
    assert_eq!(counted as u64, 10_000);
    let report = signals.shutdown().await;
    assert!(report.holds(), "{report}");
    assert!(signals.spans().iter().all(|span| span.name == "GET"));
}

#[tokio::test]
async fn a_spoofed_host_is_no_label_of_any_series() {
    let (address, signals) = serving(cards()).await;
    get(address, "/cards/7").await;
    let before = series(&signals);
    for number in 0..100 {
        let request = format!(
            "GET /cards/7 HTTP/1.1\r\nhost: h{number}.evil.example\r\nforwarded: host=f{number}.evil.example\r\nx-forwarded-host: x{number}.evil.example\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(status(&raw(address, &request).await), 200);
    }
    assert_eq!(series(&signals), before);
    assert!(!signals.telemetry().render().contains("evil.example"));
    told(&signals, &["success"; 101]).await;
}
