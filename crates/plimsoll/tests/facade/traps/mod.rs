//! What request telemetry is known to get wrong, one sentence a case, over real
//! sockets. What a signal does to a server under load is in the tests of its
//! life as a process.

mod bodies;
mod collectors;
mod hostile;
mod leaving;
mod outputs;
mod panics;
mod routes;
mod stack;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodRouter, get};
use http::Response;
use plimsoll::{Builder, Plimsoll};
use plimsoll_testkit::body::Script;
use plimsoll_testkit::otlp::{attribute, hex};
use plimsoll_testkit::signals::{Receivers, Signals};
use serde_json::Value;

use crate::support::serve;

/// An instance whose every signal is received.
async fn watched(change: impl FnOnce(Builder) -> Builder) -> (Plimsoll, Signals) {
    let receivers = Receivers::start().await;
    let builder = Plimsoll::builder("traps").env(Vec::new);
    let builder = builder.telemetry(|telemetry| receivers.receive(telemetry));
    let plimsoll = change(builder).build().unwrap();
    let signals = receivers.of(plimsoll.telemetry());
    (plimsoll, signals)
}

/// A watched service.
async fn serving(app: Router) -> (SocketAddr, Signals) {
    let (plimsoll, signals) = watched(|builder| builder).await;
    (serve(app.layer(plimsoll.layer())).await, signals)
}

/// Answers with what `body` makes.
fn answering(body: fn() -> Script) -> MethodRouter {
    get(async move || Response::new(Body::new(body())))
}

/// Ends the instance and returns the line of its one request, which every signal
/// tells alike and once.
async fn only(signals: &Signals, outcome: &str) -> Value {
    let mut lines = told(signals, &[outcome]).await;
    lines.remove(0)
}

/// As [`only`], for several requests in the order in which they ended.
async fn told(signals: &Signals, outcomes: &[&str]) -> Vec<Value> {
    let lines = signals.receivers().lines.requests(outcomes.len()).await;
    let report = signals.shutdown().await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    assert_eq!(report.requests.in_flight, 0, "{report}");
    let count = outcomes.len();
    assert_eq!(report.requests.started, count as u64, "{report}");
    assert_eq!((lines.len(), signals.spans().len()), (count, count));
    let page = signals.page();
    assert_eq!(page.sum("http_server_active_requests", &[]) as u64, 0);
    for (line, outcome) in lines.iter().zip(outcomes) {
        assert_eq!(line["outcome"], *outcome, "{line}");
        let alike = outcomes.iter().filter(|other| *other == outcome).count();
        let labels = [("outcome", *outcome)];
        let counted = page.sum("plimsoll_requests_total", &labels);
        assert_eq!(counted as usize, alike, "{line}");
        let of_trace = signals.of_trace(line["trace_id"].as_str().unwrap());
        let span = of_trace.spans.first().unwrap();
        assert_eq!(hex(&span.span_id), line["span_id"].as_str().unwrap());
        assert_eq!(
            attribute(span, "plimsoll.outcome")
                .as_deref()
                .unwrap_or("success"),
            *outcome
        );
    }
    lines
}
