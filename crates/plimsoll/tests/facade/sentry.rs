//! What Sentry is sent, by its own client, and what the ledger says of it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path;
use axum::routing::get as on_get;
use http::StatusCode;
use plimsoll::{Plimsoll, Report};
use plimsoll_core::Clock;
use plimsoll_telemetry::{Balance, Reason};
use plimsoll_testkit::sentry::{Behaviour, Sink};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{get, instance, serve, shut};

fn app() -> Router {
    Router::new()
        .route("/ok", on_get(async || "ok"))
        .route("/theirs", on_get(async || StatusCode::BAD_REQUEST))
        .route(
            "/ours/{id}",
            on_get(async |Path(id): Path<u32>| -> StatusCode {
                tracing::info!(id, "not worth a crumb");
                tracing::warn!(id, token = "s3cret", "retrying");
                panic!("db://app:s3cret@host refused {id}, token=s3cret")
            }),
        )
}

/// Fails these requests of an instance, all alike.
async fn fail(plimsoll: &Plimsoll, count: usize) {
    let address = serve(app().layer(plimsoll.layer())).await;
    for id in 0..count {
        let answer = get(address, &format!("/ours/{id}?q=s3cret")).await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    }
}

fn balance(report: &Report) -> Balance {
    let mut signals = report.signals.iter();
    signals.find(|(signal, _)| *signal == "sentry").unwrap().1
}

/// Asks Sentry's own normalizer, installed by `make tools`.
pub(crate) fn judge(event: &Value) {
    const JUDGE: &str = r#"
import json, sys
from sentry_relay.processing import StoreNormalizer
event = json.load(sys.stdin)
normalizer = StoreNormalizer(project_id=42, protocol_version="7", remove_other=True)
told = normalizer.normalize_event(event)
faults = told.get("errors") or []
# It makes a tag of the server's name.
faults += [key for key in event if key != "server_name" and told.get(key) is None]
assert told["event_id"] == event["event_id"], told["event_id"]
assert not faults, faults
"#;
    let python = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = python.join("../../target/tools/bin/python");
    let mut asked = Command::new(&python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run `make tools`", python.display()));
    let mut input = asked.stdin.take().unwrap();
    input.write_all(event.to_string().as_bytes()).unwrap();
    drop(input);
    let told = asked.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{errors} in {event:#}");
}

#[tokio::test]
async fn a_failure_of_ours_is_one_event_with_its_ids_and_nothing_else_is() {
    let sink = Sink::start(Behaviour::Healthy).await;
    let (plimsoll, lines) = instance(|builder| {
        builder
            .env(|| {
                let pairs = [
                    ("SENTRY_RELEASE", "cards@1.2"),
                    ("SENTRY_ENVIRONMENT", "a/b"),
                ];
                pairs
                    .map(|(name, value)| (name.into(), value.into()))
                    .into()
            })
            .telemetry(|telemetry| telemetry.sentry_dsn(sink.dsn()))
    });
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let warnings = plimsoll.telemetry().warnings();
    assert_eq!(warnings[0].setting, "SENTRY_ENVIRONMENT", "{warnings:?}");
    let address = serve(app().layer(plimsoll.layer())).await;
    for path in ["/ok", "/theirs", "/ours/7?q=s3cret"] {
        get(address, path).await;
    }
    let line = lines.requests(3).await.pop().unwrap();
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert!(report.holds(), "{report}");
    let events = sink.events();
    assert_eq!(events.len(), 1, "one failure, one event: {events:?}");
    assert_eq!(balance(&report).delivered, 1);
    let event = &events[0];
    for tag in [
        "trace_id",
        "request_id",
        "code",
        "route",
        "method",
        "outcome",
        "blame",
        "ref",
    ] {
        assert_eq!(event["tags"][tag], line[tag], "{tag} {line}");
    }
    for id in ["trace_id", "span_id"] {
        assert_eq!(event["contexts"]["trace"][id], line[id], "{event:#}");
    }
    let exception = &event["exception"]["values"][0];
    assert_eq!(exception["type"], line["code"]);
    let told = "db://REDACTED@host refused 7, token=REDACTED";
    assert_eq!(exception["value"], told, "{event:#}");
    assert_eq!(exception["mechanism"]["handled"], false);
    assert_eq!(event["fingerprint"][0], line["code"]);
    assert_eq!(event["fingerprint"][1], "/ours/{id}");
    assert_eq!(event["transaction"], "GET /ours/{id}");
    assert_eq!(event["release"], "cards@1.2");
    let crumbs = event["breadcrumbs"]["values"].as_array().unwrap();
    let texts: Vec<_> = crumbs.iter().map(|crumb| &crumb["message"]).collect();
    assert_eq!(texts, ["retrying id=7 token=\"REDACTED\""], "{event:#}");
    judge(event);
    let envelope = &sink.envelopes()[0].text;
    assert!(!envelope.contains("s3cret"), "{envelope}");
}

#[tokio::test]
async fn delivered_is_what_was_answered_with_2xx_and_every_loss_has_its_reason() {
    for (behaviour, reason) in [
        (Behaviour::Healthy, None),
        (Behaviour::Failing, Some(Reason::ExportFailed)),
        (Behaviour::Answering(413, None), Some(Reason::ExportFailed)),
        (Behaviour::Answering(302, None), Some(Reason::ExportFailed)),
        (
            Behaviour::Answering(429, Some(30)),
            Some(Reason::RateLimited),
        ),
        (Behaviour::Dead, Some(Reason::ExportFailed)),
    ] {
        let sink = Sink::start(behaviour).await;
        let (plimsoll, _) = instance(|builder| builder.telemetry(|it| it.sentry_dsn(sink.dsn())));
        fail(&plimsoll, 3).await;
        let report = shut(plimsoll, Duration::from_secs(10)).await;
        let sentry = balance(&report);
        let kept = sink.events().len() as u64;
        let counts = (sentry.produced, sentry.delivered, sentry.pending);
        assert_eq!(counts, (3, kept, 0), "{behaviour:?} {report}");
        assert_eq!(kept, if reason.is_none() { 3 } else { 0 });
        if let Some(reason) = reason {
            assert_eq!(sentry.dropped[reason as usize], 3, "{behaviour:?} {report}");
        }
        // After a 429 nobody is asked again for as long as it says.
        if behaviour == Behaviour::Answering(429, Some(30)) {
            assert_eq!(sink.arrived(), 1);
        }
    }
}

#[tokio::test]
async fn a_sink_that_hangs_holds_a_shutdown_no_longer_than_its_limit() {
    let sink = Sink::start(Behaviour::Hanging).await;
    let (plimsoll, lines) = instance(|builder| builder.telemetry(|it| it.sentry_dsn(sink.dsn())));
    fail(&plimsoll, 3).await;
    let begun = Instant::now();
    let report = shut(plimsoll, Duration::from_millis(500)).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{report}");
    let sentry = balance(&report);
    assert!(report.holds(), "{report}");
    // One was on its way and may yet arrive; nobody knows.
    assert_eq!((sentry.produced, sentry.pending), (3, 1), "{report}");
    assert_eq!(sentry.dropped[Reason::Shutdown as usize], 2, "{report}");
    let ledger = lines
        .wait_for("ledger", |line| line["message"] == "ledger")
        .await;
    assert_eq!(ledger["report"]["sentry"]["dropped_shutdown"], 2);
}

#[tokio::test]
async fn a_storm_is_ten_events_and_the_next_one_tells_how_many_were_kept_back() {
    let sink = Sink::start(Behaviour::Healthy).await;
    let (clock, hand) = Clock::manual();
    let (plimsoll, _) = instance(|builder| {
        let builder = builder.clock(clock);
        builder.telemetry(|it| it.sentry_dsn(sink.dsn()))
    });
    fail(&plimsoll, 25).await;
    sink.wait_for(10).await;
    hand.advance(Duration::from_secs(2));
    fail(&plimsoll, 1).await;
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    let sentry = balance(&report);
    assert!(report.holds(), "{report}");
    assert_eq!((sentry.produced, sentry.delivered), (26, 11), "{report}");
    assert_eq!(sentry.dropped[Reason::RateLimited as usize], 15);
    let events = sink.events();
    assert_eq!(events[10]["tags"]["suppressed"], "15", "{events:?}");
    assert_eq!(events[9]["tags"].get("suppressed"), None);
}

#[tokio::test]
async fn a_fault_in_the_dsn_is_a_warning_without_the_dsn_and_no_failed_start() {
    for dsn in ["hunter2", "http://hunter2@/42", "ftp://hunter2@host/42"] {
        let (plimsoll, lines) = instance(|builder| builder.telemetry(|it| it.sentry_dsn(dsn)));
        let warnings = plimsoll.telemetry().warnings();
        assert_eq!(warnings[0].setting, "SENTRY_DSN");
        assert!(!format!("{warnings:?}").contains("hunter2"), "{warnings:?}");
        fail(&plimsoll, 1).await;
        let report = shut(plimsoll, Duration::from_secs(10)).await;
        assert!(report.holds());
        assert!(report.signals.iter().all(|(signal, _)| *signal != "sentry"));
        assert!(!lines.text().contains("hunter2"));
    }
}
