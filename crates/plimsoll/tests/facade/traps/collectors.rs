use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as on_get;
use plimsoll::{Plimsoll, Report};
use plimsoll_telemetry::Balance;
use plimsoll_testkit::otlp::Behaviour;
use plimsoll_testkit::signals::{Receivers, Signals};
use plimsoll_testkit::wait::until;

use crate::support::{get, serve, status};

/// An instance whose collector behaves so; an export has half a second.
async fn exporting(behaviour: Behaviour) -> (Plimsoll, Signals) {
    let receivers = Receivers::start().await;
    receivers.collector.turn(behaviour).await;
    let env = || {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            of("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            of("OTEL_BSP_MAX_QUEUE_SIZE", "20"),
            of("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
        ]
    };
    let builder = Plimsoll::builder("traps").env(env);
    let builder = builder.telemetry(|telemetry| receivers.receive(telemetry));
    let plimsoll = builder.build().unwrap();
    let signals = receivers.of(plimsoll.telemetry());
    (plimsoll, signals)
}

/// Asks this often; no answer may fail.
async fn requests(plimsoll: &Plimsoll, count: usize) {
    let app = Router::new().route("/", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    for _ in 0..count {
        assert_eq!(status(&get(address, "/").await), 200);
    }
}

fn traces(report: &Report) -> Balance {
    let mut all = report.signals.iter();
    all.find(|(signal, _)| *signal == "traces").unwrap().1
}

/// Everything is accounted for, by what the client sent and the collector kept.
async fn settled(signals: &Signals, sent: usize) -> Balance {
    let report = signals.shutdown_within(Duration::from_secs(5)).await;
    assert!(report.holds(), "{report}");
    assert_eq!(report.requests.started, sent as u64, "{report}");
    let traces = traces(&report);
    assert_eq!(traces.produced, sent as u64, "{report}");
    let kept = signals.receivers().collector.span_count();
    assert_eq!(traces.delivered, kept as u64, "{report}");
    assert_eq!(traces.pending, 0, "{report}");
    traces
}

#[tokio::test]
async fn a_dead_collector_costs_its_spans_and_no_answer() {
    let (plimsoll, signals) = exporting(Behaviour::Dead).await;
    requests(&plimsoll, 15).await;
    assert_eq!(settled(&signals, 15).await.lost(), 15);
}

#[tokio::test]
async fn a_collector_that_answers_slowly_gets_everything_and_nobody_waits() {
    let (plimsoll, signals) = exporting(Behaviour::Holding).await;
    requests(&plimsoll, 10).await;
    let collector = &signals.receivers().collector;
    until("export", || (collector.exports() > 0).then_some(())).await;
    requests(&plimsoll, 5).await;
    collector.turn(Behaviour::Healthy).await;
    assert_eq!(settled(&signals, 15).await.lost(), 0);
}

#[tokio::test]
async fn a_collector_that_never_answers_is_given_up_by_its_timeout() {
    let (plimsoll, signals) = exporting(Behaviour::Hanging).await;
    requests(&plimsoll, 10).await;
    let lost = || (traces(&signals.report()).lost() == 10).then_some(());
    until("the timeout", lost).await;
    settled(&signals, 10).await;
}

#[tokio::test]
async fn a_collector_that_takes_a_part_is_believed_for_that_part_only() {
    let (plimsoll, signals) = exporting(Behaviour::Rejecting(3)).await;
    requests(&plimsoll, 10).await;
    assert_eq!(settled(&signals, 10).await.delivered, 7);
    let (plimsoll, signals) = exporting(Behaviour::Lying).await;
    requests(&plimsoll, 10).await;
    assert_eq!(settled(&signals, 10).await.delivered, 0);
}

#[tokio::test]
async fn a_collector_that_refuses_is_counted_whatever_it_says() {
    for behaviour in [
        Behaviour::Failing,
        Behaviour::Answering(400, None),
        Behaviour::Answering(429, Some(1)),
        Behaviour::Answering(503, None),
    ] {
        let (plimsoll, signals) = exporting(behaviour).await;
        requests(&plimsoll, 10).await;
        assert_eq!(settled(&signals, 10).await.lost(), 10, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_full_queue_loses_the_newest_spans_by_its_own_reason_and_no_request_waits() {
    let (plimsoll, signals) = exporting(Behaviour::Hanging).await;
    let begin = Instant::now();
    requests(&plimsoll, 10).await;
    let exports = || signals.receivers().collector.exports();
    until("export", || (exports() > 0).then_some(())).await;
    // Ten are under way and twenty find room.
    requests(&plimsoll, 90).await;
    let page = signals.page();
    let labels = [("signal", "traces"), ("reason", "queue_full")];
    let lost = page.sum("plimsoll_telemetry_dropped_total", &labels);
    // Each timeout of half a second makes room for ten more.
    let room = 20.0 + 10.0 * begin.elapsed().as_secs_f64() / 0.5;
    assert!(lost >= 90.0 - room && lost <= 70.0, "{lost}");
    signals.receivers().collector.turn(Behaviour::Healthy).await;
    let settled = settled(&signals, 100).await;
    assert_eq!(settled.lost() + settled.delivered, 100);
}

#[test]
fn on_a_current_thread_runtime_shutdown_blocks_it_and_still_delivers_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let (plimsoll, signals) = exporting(Behaviour::Healthy).await;
        requests(&plimsoll, 15).await;
        // On the runtime's one thread, against all advice.
        let report = plimsoll.shutdown(Duration::from_secs(10));
        assert!(report.holds() && report.lost() == 0, "{report}");
        assert_eq!(signals.spans().len(), 15);
    });
}

#[test]
fn after_the_runtime_is_gone_shutdown_still_delivers_everything() {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let (plimsoll, signals) = runtime.block_on(async {
        let (plimsoll, signals) = exporting(Behaviour::Healthy).await;
        requests(&plimsoll, 15).await;
        (plimsoll, signals)
    });
    drop(runtime);
    let report = plimsoll.shutdown(Duration::from_secs(10));
    assert!(report.holds() && report.lost() == 0, "{report}");
    assert_eq!(signals.spans().len(), 15);
}

#[tokio::test]
async fn a_shutdown_under_a_collector_that_hangs_ends_at_its_deadline_and_says_what_was_lost() {
    let (plimsoll, signals) = exporting(Behaviour::Hanging).await;
    requests(&plimsoll, 20).await;
    let begin = Instant::now();
    let report = signals.shutdown_within(Duration::from_millis(200)).await;
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert!(report.holds(), "{report}");
    let traces = traces(&report);
    assert_eq!((traces.produced, traces.delivered), (20, 0), "{report}");
}
