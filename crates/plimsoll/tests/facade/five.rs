//! One request in all five signals, each read by a receiver that is not ours:
//! `rotel`, Prometheus, Sentry's own normalizer, and the two that are text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get as on_get;
use plimsoll::{Outcome, Plimsoll};
use plimsoll_testkit::sentry::{Behaviour, Sink};
use plimsoll_testkit::wait::{until, until_told};
use tracing_subscriber::layer::SubscriberExt;

use crate::collector::Collector;
use crate::prometheus::Prometheus;
use crate::sentry::judge;
use crate::support::{get, instance, serve, shut, status};

fn app() -> Router {
    Router::new().route(
        "/cards/{id}",
        on_get(async || -> &'static str {
            tracing::info!("the handler's own");
            panic!("on purpose")
        }),
    )
}

/// Seconds since 1970, from a minute ago to a minute from now.
fn around_now() -> (u64, u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.as_secs() - 60, now.as_secs() + 60)
}

#[tokio::test]
async fn one_request_has_the_same_trace_id_in_all_five_signals() {
    let (collector, sink) = (
        Collector::start().await,
        Sink::start(Behaviour::Healthy).await,
    );
    let endpoint = format!("http://{}/v1/traces", collector.address);
    let (plimsoll, lines): (Plimsoll, _) = instance(|builder| {
        builder.telemetry(|telemetry| telemetry.otlp(endpoint).sentry_dsn(sink.dsn()))
    });
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let scraped = serve(plimsoll.status_router()).await;
    let prometheus = Prometheus::start(scraped).await;
    let address = serve(app().layer(plimsoll.layer())).await;
    assert_eq!(status(&get(address, "/cards/7").await), 500);

    // The log: the request's line and the handler's.
    let line = lines.requests(1).await.pop().unwrap();
    let trace = line["trace_id"].as_str().unwrap();
    assert_eq!(line["outcome"], "panic", "{line}");
    let own = |line: &serde_json::Value| line["message"] == "the handler's own";
    let own = lines.wait_for("the handler's line", own).await;
    assert_eq!(own["trace_id"], trace, "{own}");

    // The metrics: the count, and the exemplar that leads to the trace.
    let counted = "plimsoll_requests_total%7Boutcome%3D%22panic%22%7D%20%3E%200";
    until_told("the count", async || {
        let answer = prometheus
            .get(&format!("/api/v1/query?query={counted}"))
            .await;
        (answer["data"]["result"][0]["value"][1] == "1").then_some(())
    })
    .await;
    let (start, end) = around_now();
    let exemplars = format!(
        "/api/v1/query_exemplars?query=http_server_request_duration_seconds_bucket&start={start}&end={end}"
    );
    let exemplar = until_told("the exemplar", async || {
        let answer = prometheus.get(&exemplars).await;
        let found = &answer["data"][0]["exemplars"][0];
        found.is_object().then(|| found.clone())
    })
    .await;
    assert_eq!(exemplar["labels"]["trace_id"], trace, "{exemplar}");

    // The ledger: one of each was delivered.
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let panics = report.requests.by_outcome.iter();
    let panics = { panics }.find(|(outcome, _)| *outcome == Outcome::Panic);
    assert_eq!(panics.unwrap().1, 1, "{report}");
    for signal in ["traces", "sentry"] {
        let mut all = report.signals.iter();
        let balance = all.find(|(name, _)| *name == signal).unwrap().1;
        assert_eq!((balance.produced, balance.delivered), (1, 1), "{report}");
    }

    // The trace, as another decoder reads it.
    let span = until("the span", || collector.spans().pop()).await;
    assert!(span.contains(trace), "{span}");
    assert!(span.contains(line["span_id"].as_str().unwrap()), "{span}");

    // The event, as Sentry itself judges it.
    let events = sink.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["contexts"]["trace"]["trace_id"], trace);
    judge(&events[0]);
}

#[cfg(feature = "otlp-grpc")]
#[tokio::test]
async fn spans_reach_a_collector_over_grpc_compressed_and_all_are_counted() {
    const REQUESTS: usize = 40;
    let collector = Collector::start().await;
    let endpoint = format!("http://{}", collector.grpc);
    let (plimsoll, lines) = instance(|builder| {
        let variables = || {
            let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            vec![
                set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                set("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ]
        };
        builder.env(variables).telemetry(|it| it.otlp(endpoint))
    });
    let address = serve(app().layer(plimsoll.layer())).await;
    for _ in 0..REQUESTS {
        assert_eq!(status(&get(address, "/nothing").await), 404);
    }
    let lines = lines.requests(REQUESTS).await;
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let spans = until("the spans", || {
        Some(collector.spans()).filter(|spans| spans.len() >= REQUESTS)
    })
    .await;
    assert_eq!(spans.len(), REQUESTS);
    for line in lines {
        let trace = line["trace_id"].as_str().unwrap();
        let of_line = spans.iter().filter(|span| span.contains(trace));
        assert_eq!(of_line.count(), 1, "{line}");
    }
}
