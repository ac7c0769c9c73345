//! What a host's code and subscribers see around and inside the layer.

use axum::Router;
use axum::routing::get as on_get;
use opentelemetry::trace::TraceContextExt;
use plimsoll::{Limit, Quota};
use plimsoll_testkit::capture::Lines;
use plimsoll_testkit::otlp::{Behaviour, Collector, hex};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{get, instance, metric, serve, shut};

#[tokio::test]
async fn the_parts_of_a_second_layer_take_no_permit_count_no_quota_and_shape_nothing() {
    for two_instances in [false, true] {
        let bounded = || {
            instance(|builder| {
                let limit = Limit::per_client().quota(Quota::per_second(1).burst(3));
                builder.concurrency(1).limit(limit)
            })
        };
        let (outer, lines) = bounded();
        let (other, _) = bounded();
        let inner = if two_instances { &other } else { &outer };
        let gauge = outer.clone();
        let of_inner = inner.clone();
        let in_flight = async move || {
            let inner = of_inner.drain().in_flight();
            format!("{} {inner}", gauge.drain().in_flight())
        };
        let app = Router::new().route("/", on_get(in_flight));
        let app = app.route(
            "/panic",
            on_get(async || -> &'static str { panic!("once") }),
        );
        let app = app.layer(inner.layer()).layer(outer.layer());
        let address = serve(app).await;
        let answer = get(address, "/").await;
        let expected = if two_instances { "1 0" } else { "1 1" };
        assert!(answer.ends_with(expected), "{answer}");
        assert!(
            get(address, "/panic")
                .await
                .contains("application/problem+json")
        );
        assert!(get(address, "/").await.starts_with("HTTP/1.1 200 "));
        // The fourth is the first over the quota, and the line's only refusal.
        assert!(get(address, "/").await.starts_with("HTTP/1.1 429 "));
        let outcomes: Vec<_> = lines.requests(4).await;
        let outcomes: Vec<_> = outcomes.iter().map(|line| &line["outcome"]).collect();
        assert_eq!(outcomes, ["success", "panic", "success", "refused"]);
        let page = outer.telemetry().render();
        let decided = metric(&page, "plimsoll_ratelimit_decisions_total", &[]);
        assert_eq!(decided as u64, 4, "{page}");
        if two_instances {
            let page = inner.telemetry().render();
            assert_eq!(
                metric(&page, "plimsoll_ratelimit_decisions_total", &[]) as u64,
                0
            );
        }
    }
}

#[tokio::test]
async fn a_second_layer_by_mistake_does_nothing_but_warn() {
    let (plimsoll, lines) = instance(|builder| builder);
    let app = Router::new().route("/", on_get(async || "ok"));
    let app = app.layer(plimsoll.layer()).layer(plimsoll.layer());
    let address = serve(app).await;
    for _ in 0..2 {
        assert!(get(address, "/").await.ends_with("ok"));
    }
    assert_eq!(lines.requests(2).await.len(), 2);
    let report = plimsoll.telemetry().report();
    assert_eq!((report.requests.started, report.holds()), (2, true));
    let page = plimsoll.telemetry().render();
    let warned = metric(&page, "plimsoll_config_warnings_total", &["layer"]);
    assert_eq!(warned as u64, 1, "{page}");
}

async fn handler() -> String {
    let work = async {
        tracing::info!("in the span");
        let context = opentelemetry::Context::current();
        context.span().span_context().trace_id().to_string()
    };
    work.instrument(tracing::info_span!("load", card = 7)).await
}

#[tokio::test]
async fn spans_of_the_application_reach_lines_hosts_and_collector_sampled_or_not() {
    for ratio in [1.0, 0.0] {
        let collector = Collector::start(Behaviour::Healthy).await;
        let (plimsoll, lines) = instance(|builder| {
            builder.telemetry(|it| it.otlp(collector.endpoint()).sample_ratio(ratio))
        });
        let of_host = Lines::default();
        let output = of_host.clone();
        let host = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(move || output.clone());
        let subscriber = tracing_subscriber::registry()
            .with(plimsoll.tracing_layer())
            .with(host);
        let _guard = tracing::subscriber::set_default(subscriber);

        let app = Router::new().route("/", on_get(handler));
        let address = serve(app.layer(plimsoll.layer())).await;
        let answer = get(address, "/").await;
        let request = lines.requests(1).await.pop().unwrap();
        let trace_id = request["trace_id"].as_str().unwrap();
        assert!(answer.ends_with(trace_id), "{ratio}: {answer}");
        let event = lines
            .wait_for("event", |line| line["message"] == "in the span")
            .await;
        assert_eq!(event["card"], 7, "{ratio}: {event}");
        assert_eq!(event["trace_id"], trace_id, "{ratio}");
        assert_eq!(event["request_id"], request["request_id"], "{ratio}");
        let theirs = of_host
            .wait_for("event of the host", |line| {
                line["fields"]["message"] == "in the span"
            })
            .await;
        assert_eq!(theirs["span"]["card"], 7, "{ratio}: {theirs}");

        shut(plimsoll, std::time::Duration::from_secs(10)).await;
        let spans = collector.spans();
        if ratio < 1.0 {
            assert!(spans.is_empty(), "{spans:?}");
            continue;
        }
        let named = |name| spans.iter().find(|span| span.name == name).unwrap();
        let (server, inner) = (named("GET /"), named("load"));
        assert_eq!(hex(&inner.trace_id), trace_id);
        assert_eq!(inner.parent_span_id, server.span_id);
        assert_eq!(spans.len(), 2, "{spans:?}");
    }
}
