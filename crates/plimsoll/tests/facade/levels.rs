//! Levels changed at the control listener, and their return.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use http::StatusCode;
use plimsoll::{Clock, Ownership, Plimsoll};
use plimsoll_testkit::capture::Lines;
use plimsoll_testkit::otlp::{Behaviour, Collector};
use plimsoll_testkit::wait::until;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{get, instance, raw, serve, status};

async fn put(control: SocketAddr, query: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("PUT /log{query} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    let rest = format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    raw(control, &(head + &rest)).await
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

async fn tell(control: SocketAddr) -> Value {
    let request = "GET /log HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    body(&raw(control, request).await)
}

fn speak() {
    tracing::debug!(target: "card_service::store", "a quiet step");
    tracing::debug!(target: "other", "another's step");
}

/// Messages of the application's events, in order.
fn said(lines: &Lines) -> Vec<String> {
    let mut all = lines.all();
    all.retain(|line| line["target"] != "plimsoll" && line["target"] != "plimsoll::access");
    all.iter()
        .map(|line| line["message"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until everything written so far is there.
async fn settle(plimsoll: &Plimsoll, lines: &Lines) {
    let mark = fastrand::u64(..).to_string();
    plimsoll.telemetry().say(&mark, &[]);
    lines.wait_for("mark", |line| line["message"] == mark).await;
}

#[tokio::test]
async fn a_change_holds_for_its_time_and_ends_by_itself_with_a_line_for_both() {
    let (clock, hand) = Clock::manual();
    let (plimsoll, lines) = instance(|it| it.clock(clock).telemetry(|it| it.flight(false)));
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let control = serve(plimsoll.control_router()).await;

    speak();
    let answer = put(control, "?ttl=10m", r#"{"log":"info,card_service=debug"}"#).await;
    let told = body(&answer);
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(told["current"]["log"], "info,card_service=debug");
    assert_eq!(told["configured"]["log"], "info");
    assert_eq!(told["left_seconds"], 600);
    assert!(
        told["by"].as_str().unwrap().starts_with("127.0.0.1:"),
        "{told}"
    );
    speak();
    settle(&plimsoll, &lines).await;
    assert_eq!(said(&lines), ["a quiet step"]);

    hand.advance(Duration::from_mins(9));
    speak();
    settle(&plimsoll, &lines).await;
    assert_eq!(said(&lines).len(), 2);
    hand.advance(Duration::from_mins(1));
    assert_eq!(tell(control).await["current"]["log"], "info");
    speak();
    settle(&plimsoll, &lines).await;
    assert_eq!(said(&lines).len(), 2);
    let changed = lines
        .wait_for("change", |line| line["message"] == "levels changed")
        .await;
    assert_eq!(
        (&changed["for"], &changed["log"]),
        (&"10m".into(), &"info,card_service=debug".into())
    );
    let back = lines
        .wait_for("revert", |line| line["message"] == "levels reverted")
        .await;
    assert_eq!(back["changed_by"], changed["by"]);
    assert_eq!(
        (&back["reverted_by"], &back["log"]),
        (&"its end".into(), &"info".into())
    );
}

#[tokio::test]
async fn nobody_needs_to_ask_for_the_end_of_a_change() {
    let (plimsoll, lines) = instance(|it| it);
    let control = serve(plimsoll.control_router()).await;
    for log in ["debug", "trace"] {
        let answer = put(control, "?ttl=50ms", &format!(r#"{{"log":"{log}"}}"#)).await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
    lines
        .wait_for("revert", |line| line["message"] == "levels reverted")
        .await;
}

#[tokio::test]
async fn a_bad_change_says_where_and_changes_nothing() {
    let (plimsoll, _) = instance(|it| it);
    let control = serve(plimsoll.control_router()).await;
    for (query, sent, said) in [
        (
            "",
            r#"{"log":"info,card_service=verbose"}"#,
            r#"log: "card_service=verbose""#,
        ),
        ("", r#"{"flight":"info,a=b=c"}"#, r#"flight: "a=b=c""#),
        ("", r#"{"flight":"[span]=info"}"#, "flight: "),
        (
            "",
            r#"{"flight_triggers":"panik"}"#,
            "flight_triggers: \"panik\" is none of failure",
        ),
        (
            "",
            r#"{"sample_ratio":0.5}"#,
            "sample_ratio: no spans are exported",
        ),
        (
            "",
            r#"{"sample_ratio":2}"#,
            "sample_ratio: write a number from 0 to 1",
        ),
        ("", r#"{"level":"debug"}"#, "level: "),
        ("", r#"{"log":7}"#, "log: 7 cannot be set"),
        ("", "{}", "nothing is changed"),
        ("", "{", "line 1"),
        ("?ttl=25h", r#"{"log":"debug"}"#, "at most 24h"),
        ("?ttl=0s", r#"{"log":"debug"}"#, "more than 0s"),
        ("?ttl=soon", r#"{"log":"debug"}"#, "ttl \"soon\""),
        ("?for=1m", r#"{"log":"debug"}"#, "only ttl is known"),
    ] {
        let answer = put(control, query, sent).await;
        assert_eq!(status(&answer), 400, "{sent}: {answer}");
        assert!(answer.contains(said), "{sent}: {answer}");
        let told = tell(control).await;
        assert_eq!(told["current"], told["configured"]);
        assert!(told.get("until").is_none());
    }
}

#[tokio::test]
async fn delete_ends_a_change_at_once() {
    let (plimsoll, _) = instance(|it| it);
    let control = serve(plimsoll.control_router()).await;
    put(
        control,
        "",
        r#"{"log":"error","flight":"off","flight_triggers":"panic"}"#,
    )
    .await;
    let told = tell(control).await;
    assert_eq!(told["left_seconds"].as_u64().unwrap().div_ceil(60), 15);
    assert_eq!(told["current"]["flight"], "off");
    assert_eq!(told["current"]["flight_triggers"], "panic");
    let request = "DELETE /log HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let told = body(&raw(control, request).await);
    assert_eq!(told["current"], told["configured"]);
}

#[tokio::test]
async fn the_requests_own_line_and_the_recorder_follow() {
    let (plimsoll, lines) = instance(|it| it.telemetry(|it| it.flight(false)));
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = Router::new().route("/well", on_get(async || "ok")).route(
        "/fault",
        on_get(async || {
            speak();
            StatusCode::INTERNAL_SERVER_ERROR
        }),
    );
    let address = serve(app.layer(plimsoll.layer())).await;
    let control = serve(plimsoll.control_router()).await;

    put(control, "", r#"{"log":"error","flight":"trace"}"#).await;
    get(address, "/well").await;
    get(address, "/fault").await;
    lines.request_to("/fault").await;
    assert_eq!(lines.requests(1).await.len(), 1, "{}", lines.text());
    assert_eq!(said(&lines), ["a quiet step", "another's step"]);

    put(
        control,
        "",
        r#"{"flight":"trace","flight_triggers":"panic"}"#,
    )
    .await;
    get(address, "/fault").await;
    lines.requests(2).await;
    assert_eq!(said(&lines).len(), 2);
    get(address, "/well").await;
    lines.request_to("/well").await;
}

#[tokio::test]
async fn sampling_follows_for_a_while() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let (plimsoll, lines) =
        instance(|it| it.telemetry(|it| it.otlp(collector.endpoint()).sample_ratio(0.0)));
    let app = Router::new()
        .route("/", on_get(async || "ok"))
        .layer(plimsoll.layer());
    let address = serve(app).await;
    let control = serve(plimsoll.control_router()).await;
    get(address, "/").await;
    put(control, "?ttl=1h", r#"{"sample_ratio":1}"#).await;
    get(address, "/").await;
    plimsoll.telemetry().revert_levels("the test");
    get(address, "/").await;
    lines.requests(3).await;
    crate::support::shut(plimsoll, Duration::from_secs(10)).await;
    until("one span", || (collector.spans().len() == 1).then_some(())).await;
}

#[tokio::test]
async fn the_logs_filter_removes_no_span_and_the_traces_filter_no_line() {
    for (log, traced, spans) in [
        ("error", "info", 2),
        ("info", "off", 1),
        ("info", "debug", 3),
    ] {
        let collector = Collector::start(Behaviour::Healthy).await;
        let (plimsoll, lines) = instance(|it| {
            it.telemetry(|it| {
                let it = it.otlp(collector.endpoint()).flight(false);
                it.log_filter(log).trace_filter(traced)
            })
        });
        let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
        let _guard = tracing::subscriber::set_default(subscriber);
        let handler = async || {
            let _outer = tracing::info_span!("outer").entered();
            let _inner = tracing::debug_span!("inner").entered();
            tracing::info!("said");
        };
        let app = Router::new().route("/", on_get(handler));
        let address = serve(app.layer(plimsoll.layer())).await;
        get(address, "/").await;
        crate::support::shut(plimsoll, Duration::from_secs(10)).await;
        assert_eq!(collector.spans().len(), spans, "{log} {traced}");
        assert_eq!(
            said(&lines).len(),
            usize::from(log == "info"),
            "{log} {traced}"
        );
    }
}

#[tokio::test]
async fn a_guest_is_told_that_the_recorder_needs_our_logs() {
    let (plimsoll, _) = instance(|it| it.logs(Ownership::Join));
    let control = serve(plimsoll.control_router()).await;
    let answer = put(control, "", r#"{"flight":"trace"}"#).await;
    assert!(
        answer.contains("flight: the logs are not our own"),
        "{answer}"
    );
    assert_eq!(tell(control).await["configured"]["flight"], "off");
}
