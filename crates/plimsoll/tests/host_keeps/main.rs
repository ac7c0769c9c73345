//! A host with a subscriber, a tracer and outgoing calls of its own keeps all of
//! it: the same spans, fields and headers with Plimsoll as without, on `own` and
//! on `join`, sampled or not.
#![expect(clippy::unwrap_used, reason = "a test: a failure is the answer")]

mod host;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use http::HeaderMap;
use opentelemetry::global;
use opentelemetry_http::HeaderInjector;
use plimsoll::{Ownership, Plimsoll};
use plimsoll_testkit::http::{self as client, Connection};
use plimsoll_testkit::otlp::{Behaviour, Collector};
use tokio::net::TcpListener;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use host::{Host, Seen};

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// Asks another service in the name of this span, as an instrumented client does,
/// and returns the `traceparent` that arrived there.
async fn call(downstream: SocketAddr) -> String {
    let mut request = http::Request::get("/").body("").unwrap();
    let context = tracing::Span::current().context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeaderInjector(request.headers_mut()));
    });
    let mut connection = Connection::open(downstream).await;
    let answer = connection.ask(request).await;
    String::from_utf8(answer.body().to_vec()).unwrap()
}

/// The host's service: spans with fields, one of them recorded late, events in
/// them, a call from the innermost.
fn app(downstream: SocketAddr) -> Router {
    let handler = async move || {
        let inner = async {
            tracing::info!(rows = 3, "read");
            tracing::Span::current().record("found", true);
            call(downstream).await
        };
        let load = tracing::info_span!("load", card = 7, found = tracing::field::Empty);
        let told = inner.instrument(load).await;
        tracing::warn!(price = 1.5, "slow");
        told
    };
    let request = async |request: axum::extract::Request, next: axum::middleware::Next| {
        let span = tracing::info_span!("host request", verb = %request.method());
        next.run(request).instrument(span).await
    };
    Router::new()
        .route("/cards/{id}", on_get(handler))
        .layer(axum::middleware::from_fn(request))
}

/// What a run with or without us left.
struct Run {
    /// What the host's own subscriber saw.
    seen: Seen,
    /// Trace id and flags of the call to another service.
    called: (String, String),
    /// The trace id on our own line.
    traced: Option<String>,
}

async fn run(ratio: f64, plimsoll: Option<Ownership>) -> Run {
    let told = async |headers: HeaderMap| {
        let told = headers.get("traceparent").cloned();
        told.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    let downstream = serve(Router::new().route("/", on_get(told))).await;
    let host = Host::new(ratio);
    let collector = Collector::start(Behaviour::Healthy).await;
    let lines = plimsoll_testkit::capture::Lines::default();
    let instance = plimsoll.map(|of| {
        let output = lines.clone();
        let builder = Plimsoll::builder("guest").env(Vec::new);
        let builder = builder.traces(of).telemetry(|telemetry| {
            let telemetry = telemetry.format(plimsoll::Format::Json).log_output(output);
            telemetry.otlp(collector.endpoint()).sample_ratio(ratio)
        });
        builder.build().unwrap()
    });
    // With the traces on `own`, ours is the tracer; the host has its log layer.
    let owned = plimsoll == Some(Ownership::Own);
    let layers = instance.as_ref().map(Plimsoll::tracing_layer);
    let _subscriber = host.subscribe(!owned, layers.into_iter().flatten().collect());

    let app = match &instance {
        Some(instance) => app(downstream).layer(instance.layer()),
        None => app(downstream),
    };
    let answer = client::get(serve(app).await, "/cards/7").await;
    let traceparent = String::from_utf8(answer.body().to_vec()).unwrap();
    let parts: Vec<_> = traceparent.split('-').map(str::to_owned).collect();
    let traced = match instance {
        Some(instance) => {
            let line = lines.requests(1).await.pop().unwrap();
            let shut = move || instance.shutdown(Duration::from_secs(10));
            tokio::task::spawn_blocking(shut).await.unwrap();
            Some(line["trace_id"].as_str().unwrap().to_owned())
        }
        None => None,
    };
    let mut seen = host.seen();
    if owned {
        seen.exported = collector.spans().iter().map(host::exported).collect();
        seen.exported.sort();
    }
    Run {
        seen,
        called: (parts[1].clone(), parts[3].clone()),
        traced,
    }
}

#[tokio::test]
async fn spans_fields_and_outgoing_headers_are_the_same_with_us_as_without() {
    for ratio in [1.0, 0.0] {
        let without = run(ratio, None).await;
        let sampled = if ratio > 0.0 { "01" } else { "00" };
        assert_eq!(without.called.1, sampled, "the host itself");
        let (spans, lines) = (without.seen.spans.len(), without.seen.lines.len());
        assert_eq!((spans, lines), (2, 2), "{:?}", without.seen);
        let exported = without.seen.exported.len();
        assert_eq!(
            exported,
            if ratio > 0.0 { 2 } else { 0 },
            "{:?}",
            without.seen
        );
        for of in [Ownership::Own, Ownership::Join] {
            let with = run(ratio, Some(of)).await;
            assert_eq!(with.seen.spans, without.seen.spans, "{of} {ratio}");
            assert_eq!(with.seen.lines, without.seen.lines, "{of} {ratio}");
            assert_eq!(with.called.1, sampled, "{of} {ratio}");
            assert_eq!(with.traced.as_ref(), Some(&with.called.0), "{of} {ratio}");
            let mut exported = with.seen.exported.clone();
            exported.retain(|span| !span.starts_with("GET /cards/{id}"));
            assert_eq!(exported, without.seen.exported, "{of} {ratio}");
            let ours = with.seen.exported.len() - exported.len();
            assert_eq!(ours, usize::from(ratio > 0.0), "{of}: one span of ours");
        }
    }
}
