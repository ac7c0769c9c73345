//! What a careful team writes: each crate in its place, in one `ServiceBuilder`.

use axum::body::Body;
use axum::extract::MatchedPath;
use axum_prometheus::PrometheusMetricLayer;
use http::{Request, Response};
use plimsoll_bench_ours::Fault;
use plimsoll_bench_ours::stack::{Built, Setup};
use plimsoll_bench_ours::workload::app;
use sentry_tower::{NewSentryLayer, SentryHttpLayer};
use std::time::Duration;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::{ServerErrorsAsFailures, SharedClassifier};
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tracing::{Span, field};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, registry};

use super::signals::{self, Lines, Traces};

pub(super) fn build(setup: &Setup) -> Result<Built, Fault> {
    let traces = Traces::start(setup)?;
    let lines = Lines::start()?;
    let sentry = signals::sentry_client()?;
    let filter = EnvFilter::new("info");
    let subscriber = registry()
        .with(lines.layer().with_filter(filter))
        .with(traces.layer());
    signals::install(subscriber)?;
    let (metrics, _page) = PrometheusMetricLayer::pair();
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(NewSentryLayer::<Request<Body>>::new_from_top())
        .layer(SentryHttpLayer::new())
        .layer(trace_layer())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(metrics)
        .layer(CatchPanicLayer::new())
        .layer(signals::timeout())
        .layer(signals::limit()?);
    Built::new(app(setup.events).layer(layers), move || {
        traces.finish()?;
        drop(sentry);
        Ok(lines.finish())
    })
}

/// The trace layer alone, without the event.
pub(super) fn quiet_trace_layer<B>() -> Trace<B> {
    let on_response: OnResponse<B> = |response, _, span| {
        span.record("http.response.status_code", response.status().as_u16());
    };
    trace_layer::<B>().on_response(on_response)
}

type Trace<B> =
    TraceLayer<SharedClassifier<ServerErrorsAsFailures>, MakeSpan, (), OnResponse<B>, (), (), ()>;
type MakeSpan = fn(&Request<Body>) -> Span;
type OnResponse<B> = fn(&Response<B>, Duration, &Span);

/// tower-http's trace layer with a span of the semantic conventions' fields and one
/// event when the response is there.
pub(super) fn trace_layer<B>() -> Trace<B> {
    let make: MakeSpan = |request| {
        let extensions = request.extensions();
        let route = extensions
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        let id = extensions.get::<RequestId>();
        let id = id.and_then(|id| id.header_value().to_str().ok());
        tracing::info_span!(
            "request",
            otel.kind = "server",
            otel.name = format!("{} {route}", request.method()),
            http.request.method = request.method().as_str(),
            http.route = route,
            url.path = request.uri().path(),
            request_id = id,
            http.response.status_code = field::Empty,
        )
    };
    let on_response: OnResponse<B> = |response, latency, span| {
        let status = response.status().as_u16();
        span.record("http.response.status_code", status);
        tracing::info!(status, latency_us = latency.as_micros() as u64, "finished");
    };
    TraceLayer::new_for_http()
        .make_span_with(make)
        .on_request(())
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
        .on_response(on_response)
}
