//! The receivers do what they are told, seen from an instance that exports to them.
#![expect(clippy::unwrap_used, reason = "a test: a failure is the answer")]

use std::time::Duration;

use http::{Request, Response};
use http_body_util::Empty;
use plimsoll_telemetry::{Balance, Telemetry};
use plimsoll_testkit::otlp::Behaviour;
use plimsoll_testkit::signals::{Receivers, Signals};
use plimsoll_testkit::wait::until;
use tower::{Layer, ServiceExt};

/// Spans are exported one at a time, and an export has a second.
async fn exporting(behaviour: Behaviour) -> Signals {
    let receivers = Receivers::start().await;
    receivers.collector.turn(behaviour).await;
    let env = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let telemetry = receivers.receive(Telemetry::builder("receivers-test"));
    let telemetry = telemetry.env(env).build().unwrap();
    receivers.of(&telemetry)
}

async fn requests(signals: &Signals, count: usize) {
    let inner = tower::service_fn(async |_: Request<Empty<&'static [u8]>>| {
        Ok::<_, std::convert::Infallible>(Response::new(Empty::<&'static [u8]>::new()))
    });
    for _ in 0..count {
        let service = signals.telemetry().layer().layer(inner);
        service.oneshot(Request::new(Empty::new())).await.unwrap();
    }
}

fn traces(signals: &Signals) -> Balance {
    let report = signals.report();
    let all = report.signals.into_iter();
    let mut found = all.filter(|(signal, _)| *signal == "traces");
    found.next().unwrap().1
}

#[tokio::test]
async fn what_the_ledger_calls_delivered_is_what_a_collector_of_any_kind_kept() {
    for (behaviour, kept) in [
        (Behaviour::Healthy, 5),
        (Behaviour::Failing, 0),
        (Behaviour::Answering(404, None), 0),
        (Behaviour::Answering(429, Some(30)), 0),
        (Behaviour::Hanging, 0),
        (Behaviour::Lying, 0),
        (Behaviour::Rejecting(2), 3),
        (Behaviour::Dead, 0),
    ] {
        let signals = exporting(behaviour).await;
        requests(&signals, 5).await;
        let report = signals.shutdown().await;
        assert!(report.holds(), "{behaviour:?} {report}");
        let traces = traces(&signals);
        assert_eq!(signals.spans().len(), kept, "{behaviour:?}");
        let counts = (traces.produced, traces.delivered);
        assert_eq!(counts, (5, kept as u64), "{behaviour:?} {report}");
        let arrived = signals.receivers().collector.spans_arrived();
        assert_eq!(arrived == 0, behaviour == Behaviour::Dead, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_slow_collector_answers_when_it_is_let_and_a_dead_one_comes_back_on_its_port() {
    let signals = exporting(Behaviour::Holding).await;
    let collector = &signals.receivers().collector;
    requests(&signals, 5).await;
    until("export", || (collector.exports() == 1).then_some(())).await;
    assert_eq!((collector.span_count(), traces(&signals).pending), (0, 5));
    collector.turn(Behaviour::Healthy).await;
    collector.wait_for(5).await;
    collector.turn(Behaviour::Dead).await;
    requests(&signals, 5).await;
    until("loss", || (traces(&signals).lost() == 5).then_some(())).await;
    collector.turn(Behaviour::Healthy).await;
    requests(&signals, 5).await;
    assert!(signals.shutdown().await.holds());
    assert_eq!(signals.spans().len(), 10);
    assert_eq!(
        collector.resource("service.name").unwrap(),
        "receivers-test"
    );
}

#[tokio::test]
async fn a_request_is_found_by_its_trace_in_lines_spans_page_and_ledger() {
    let signals = Signals::start("receivers-test").await;
    requests(&signals, 1).await;
    let report = signals.shutdown_within(Duration::from_secs(5)).await;
    let line = signals.receivers().lines.requests(1).await.pop().unwrap();
    let found = signals.of_trace(line["trace_id"].as_str().unwrap());
    assert_eq!((found.lines.len(), found.spans.len()), (1, 1));
    assert_eq!(found.events.len(), 0, "nothing failed");
    let finished = signals.page().sum("plimsoll_requests_total", &[]);
    assert_eq!((finished as u64, report.requests.started), (1, 1));
}

#[cfg(feature = "otlp-grpc")]
#[tokio::test]
async fn over_grpc_a_collector_behaves_as_it_does_over_http() {
    use plimsoll_testkit::otlp::Collector;

    for (behaviour, kept) in [
        (Behaviour::Healthy, 5),
        (Behaviour::Failing, 0),
        (Behaviour::Answering(429, None), 0),
        (Behaviour::Hanging, 0),
        (Behaviour::Lying, 0),
        (Behaviour::Rejecting(2), 3),
        (Behaviour::Dead, 0),
    ] {
        let receivers = Receivers {
            collector: Collector::start(behaviour).await,
            ..Receivers::start().await
        };
        let env = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let builder = receivers.receive(Telemetry::builder("receivers-test"));
        let builder = builder.otlp(receivers.collector.base()).env(env);
        let signals = receivers.of(&builder.build().unwrap());
        requests(&signals, 5).await;
        let report = signals.shutdown().await;
        let traces = traces(&signals);
        assert!(report.holds(), "{behaviour:?} {report}");
        assert_eq!(signals.spans().len(), kept, "{behaviour:?} {report}");
        let counts = (traces.produced, traces.delivered);
        assert_eq!(counts, (5, kept as u64), "{behaviour:?} {report}");
    }
}
