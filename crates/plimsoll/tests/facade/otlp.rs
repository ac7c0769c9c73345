//! Log lines and metrics over OTLP are those of the output and of the page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use plimsoll::{Format, Report, Telemetry};
use plimsoll_testkit::capture::Lines;
use plimsoll_testkit::otlp::{Behaviour, Collector, hex};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

const BOTH: [(&str, &str); 2] = [
    ("OTEL_LOGS_EXPORTER", "otlp"),
    ("OTEL_METRICS_EXPORTER", "otlp"),
];

fn telemetry(collector: &Collector, asked: &[(&str, &str)]) -> (Telemetry, Lines) {
    let lines = Lines::default();
    let base = collector.base();
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", base.as_str())];
    let env = endpoint.iter().chain(asked);
    let env = env.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let telemetry = Telemetry::builder("cards")
        .env(env)
        .format(Format::Json)
        .log_output(lines.clone())
        .build()
        .unwrap();
    (telemetry, lines)
}

/// Three requests that say something.
async fn work(telemetry: &Telemetry) {
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    let _here = tracing::subscriber::set_default(subscriber);
    let handler = async || {
        tracing::info!(card = 7, rate = 0.5, gift = true, "in the handler");
        "a card"
    };
    let app = Router::new().route("/cards", on_get(handler));
    let app = app.layer(telemetry.layer());
    for path in ["/cards", "/cards", "/nothing"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        axum::body::to_bytes(answer.into_body(), 1_024)
            .await
            .unwrap();
    }
}

async fn end(telemetry: &Telemetry, limit: Duration) -> Report {
    let telemetry = telemetry.clone();
    let end = move || telemetry.shutdown(limit);
    tokio::task::spawn_blocking(end).await.unwrap()
}

/// A record as the line that it was.
fn as_line(record: &LogRecord) -> BTreeMap<String, Value> {
    let text = |value: &Option<Any>| match value.clone() {
        Some(Any::StringValue(text)) => json!(text),
        Some(Any::IntValue(number)) => json!(number),
        Some(Any::DoubleValue(number)) => json!(number),
        Some(Any::BoolValue(value)) => json!(value),
        other => panic!("{other:?}"),
    };
    let attributes = record.attributes.iter();
    let mut line: BTreeMap<_, _> = attributes
        .map(|pair| (pair.key.clone(), text(&pair.value.as_ref().unwrap().value)))
        .collect();
    let body = &record.body.as_ref().unwrap().value;
    line.insert("message".into(), text(body));
    line.insert("level".into(), json!(record.severity_text));
    for (key, id) in [("trace_id", &record.trace_id), ("span_id", &record.span_id)] {
        if !id.is_empty() {
            line.insert(key.into(), json!(hex(id)));
        }
    }
    line
}

fn as_text(line: &BTreeMap<String, Value>) -> String {
    serde_json::to_string(line).unwrap()
}

#[tokio::test]
async fn every_line_but_the_ledgers_is_a_log_record_with_the_same_keys() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let (telemetry, lines) = telemetry(&collector, &BOTH[..1]);
    work(&telemetry).await;
    let report = end(&telemetry, Duration::from_secs(20)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let records = collector.logs();
    assert_eq!(delivered(&report, "otlp_logs"), records.len() as u64);
    let sent: BTreeSet<_> = records.iter().map(|it| as_text(&as_line(it))).collect();
    let mut written = lines.all();
    written.retain(|line| line["message"] != "ledger");
    assert!(written.len() >= 5, "{written:?}");
    let written: BTreeSet<_> = written
        .into_iter()
        .map(|line| {
            let mut line: BTreeMap<String, Value> = serde_json::from_value(line).unwrap();
            line.remove("time");
            line.remove("service");
            as_text(&line)
        })
        .collect();
    assert_eq!(sent, written);
    assert_eq!(collector.resource("service.name").as_deref(), Some("cards"));
    assert!(collector.metrics().is_empty());
}

fn delivered(report: &Report, signal: &str) -> u64 {
    let mut all = report.signals.iter();
    let (_, balance) = all.find(|(name, _)| *name == signal).unwrap();
    balance.delivered
}

fn points(metric: &Metric) -> u64 {
    let points = match metric.data.as_ref().unwrap() {
        Data::Gauge(it) => it.data_points.len(),
        Data::Sum(it) => it.data_points.len(),
        Data::Histogram(it) => it.data_points.len(),
        other => panic!("{other:?}"),
    };
    points as u64
}

#[tokio::test]
async fn the_metrics_are_those_of_the_page_by_the_names_of_the_conventions() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let (telemetry, _) = telemetry(&collector, &BOTH[1..]);
    work(&telemetry).await;
    let report = end(&telemetry, Duration::from_secs(20)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let metrics = collector.metrics();
    let all: u64 = metrics.iter().map(points).sum();
    assert_eq!(delivered(&report, "otlp_metrics"), all);
    let of = |name: &str| metrics.iter().find(|metric| metric.name == name);
    let Some(Data::Histogram(duration)) = &of("http.server.request.duration").unwrap().data else {
        panic!("{metrics:?}");
    };
    let counts: u64 = duration.data_points.iter().map(|point| point.count).sum();
    assert_eq!(counts, 3, "{duration:?}");
    let Some(Data::Sum(requests)) = &of("plimsoll_requests_total").unwrap().data else {
        panic!("{metrics:?}");
    };
    assert!(requests.is_monotonic);
    let page = plimsoll_testkit::page::Page::read(&telemetry.render());
    assert_eq!(page.sum("plimsoll_requests_total", &[]) as u64, 3);
    assert!(collector.logs().is_empty());
}

#[tokio::test]
async fn nothing_goes_out_unless_it_is_asked_for() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let (telemetry, _) = telemetry(&collector, &[("OTEL_TRACES_EXPORTER", "none")]);
    work(&telemetry).await;
    end(&telemetry, Duration::from_secs(20)).await;
    assert_eq!(collector.exports(), 0);
}

#[tokio::test]
async fn what_a_bad_collector_does_not_take_is_counted_and_nobody_waits_for_it() {
    for behaviour in [
        Behaviour::Answering(503, Some(1)),
        Behaviour::Failing,
        Behaviour::Hanging,
        Behaviour::Dead,
    ] {
        let collector = Collector::start(behaviour).await;
        let (telemetry, _) = telemetry(&collector, &BOTH);
        work(&telemetry).await;
        let begun = Instant::now();
        let report = end(&telemetry, Duration::from_secs(2)).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{behaviour:?}");
        assert!(report.holds(), "{behaviour:?} {report}");
        for signal in ["otlp_logs", "otlp_metrics"] {
            assert_eq!(delivered(&report, signal), 0, "{behaviour:?} {report}");
        }
    }
}

#[tokio::test]
async fn records_that_the_collector_refuses_in_a_good_answer_are_lost_ones() {
    let collector = Collector::start(Behaviour::Rejecting(2)).await;
    let (telemetry, _) = telemetry(&collector, &[BOTH[0], ("OTEL_TRACES_EXPORTER", "none")]);
    work(&telemetry).await;
    let report = end(&telemetry, Duration::from_secs(20)).await;
    assert!(report.holds() && report.lost() == 2, "{report}");
    let kept = collector.logs().len() as u64;
    assert_eq!(delivered(&report, "otlp_logs"), kept, "{report}");
}
