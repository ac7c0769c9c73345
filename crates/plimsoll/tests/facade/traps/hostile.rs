use axum::Router;
use axum::routing::get as on_get;
use plimsoll_testkit::otlp::hex;

use super::{only, serving, told, watched};
use crate::support::{raw, serve, status};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn app() -> Router {
    Router::new().route("/", on_get(async || "ok"))
}

fn with(headers: &str) -> String {
    format!("GET / HTTP/1.1\r\nhost: test\r\n{headers}connection: close\r\n\r\n")
}

#[tokio::test]
async fn a_request_id_of_64_kib_is_replaced_and_goes_nowhere() {
    let (address, signals) = serving(app()).await;
    let long = "x".repeat(64 * 1024);
    let answer = raw(address, &with(&format!("x-request-id: {long}\r\n"))).await;
    assert_eq!(status(&answer), 200, "{answer:.200}");
    let line = only(&signals, "success").await;
    let id = line["request_id"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    assert!(
        answer.contains(&format!("x-request-id: {id}\r\n")),
        "{answer:.200}"
    );
    assert!(!signals.receivers().lines.text().contains(&long[..1_024]));
}

#[tokio::test]
async fn headers_of_64_kib_are_an_answer_and_leave_a_short_line() {
    let (address, signals) = serving(app()).await;
    let piece = "y".repeat(1_024);
    let header = |one| format!("x-h{one}: {piece}\r\n");
    let many = (0..64).map(header).collect::<Vec<_>>().concat();
    assert_eq!(status(&raw(address, &with(&many)).await), 200);
    let line = only(&signals, "success").await;
    assert!(line.to_string().len() < 2_048, "{line}");
}

#[tokio::test]
async fn a_bad_traceparent_is_ignored_even_from_a_trusted_peer() {
    let trust = "loopback".parse().unwrap();
    let (plimsoll, signals) = watched(|builder| builder.trust(trust)).await;
    let address = serve(app().layer(plimsoll.layer())).await;
    let zero_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
    let upper = format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase());
    let bad = [
        "",
        "garbage",
        "00",
        &zero_trace,
        &format!("00-{TRACE}-0000000000000000-01"),
        &upper,
        &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
        &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
        &format!("00-{TRACE}-00f067aa0ba902b7-0g"),
        &format!("00-{TRACE}-00f067aa0ba902b7-01").replace('-', "_"),
        &"0".repeat(65_536),
    ];
    for value in bad {
        let answer = raw(address, &with(&format!("traceparent: {value}\r\n"))).await;
        assert_eq!(status(&answer), 200, "{value:.60}");
    }
    let lines = told(&signals, &["success"; 11]).await;
    for (line, value) in lines.iter().zip(bad) {
        let id = line["trace_id"].as_str().unwrap();
        assert_ne!(id, TRACE, "{value:.60}");
        assert_eq!(id.len(), 32, "{value:.60}");
        assert_eq!(line.get("linked_trace_id"), None, "{value:.60}");
    }
    assert!(
        signals
            .spans()
            .iter()
            .all(|span| span.parent_span_id.is_empty())
    );
}

#[tokio::test]
async fn two_traceparents_are_none() {
    let trust = "loopback".parse().unwrap();
    let (plimsoll, signals) = watched(|builder| builder.trust(trust)).await;
    let address = serve(app().layer(plimsoll.layer())).await;
    let one = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    assert_eq!(status(&raw(address, &with(&one.repeat(2))).await), 200);
    let line = only(&signals, "success").await;
    assert_ne!(line["trace_id"], TRACE);
}

#[tokio::test]
async fn a_later_version_of_traceparent_is_read_as_far_as_it_is_known() {
    let trust = "loopback".parse().unwrap();
    let (plimsoll, signals) = watched(|builder| builder.trust(trust)).await;
    let address = serve(app().layer(plimsoll.layer())).await;
    let later = format!("traceparent: 01-{TRACE}-00f067aa0ba902b7-01-what-comes\r\n");
    assert_eq!(status(&raw(address, &with(&later)).await), 200);
    let line = only(&signals, "success").await;
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(hex(&signals.spans()[0].parent_span_id), "00f067aa0ba902b7");
}

#[tokio::test]
async fn an_unsampled_parent_is_adopted_and_nothing_is_exported() {
    let trust = "loopback".parse().unwrap();
    let (plimsoll, signals) = watched(|builder| builder.trust(trust)).await;
    let address = serve(app().layer(plimsoll.layer())).await;
    let parent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00\r\n");
    assert_eq!(status(&raw(address, &with(&parent)).await), 200);
    let line = signals.receivers().lines.requests(1).await.remove(0);
    assert_eq!(line["trace_id"], TRACE);
    let report = signals.shutdown().await;
    assert!(report.holds(), "{report}");
    assert_eq!(signals.spans().len(), 0);
}
