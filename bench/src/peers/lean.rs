//! What an expert makes of the same crates: the lines' layer sees no span.

use axum::body::Body;
use axum_prometheus::PrometheusMetricLayer;
use http::Request;
use plimsoll_bench_ours::Fault;
use plimsoll_bench_ours::stack::{Built, Setup};
use plimsoll_bench_ours::workload::app;
use sentry_tower::{NewSentryLayer, SentryHttpLayer};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, registry};

use super::access::AccessLayer;
use super::careful::quiet_trace_layer;
use super::signals::{self, Lines, Traces};

/// Events of INFO and above, and no span.
pub(super) fn events_only(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && *metadata.level() <= LevelFilter::INFO
}

pub(super) fn build(setup: &Setup) -> Result<Built, Fault> {
    let traces = Traces::start(setup)?;
    let lines = Lines::start()?;
    let sentry = signals::sentry_client()?;
    let events = filter_fn(events_only).with_max_level_hint(LevelFilter::INFO);
    let subscriber = registry()
        .with(lines.layer().with_filter(events))
        .with(traces.spans_only());
    signals::install(subscriber)?;
    let (metrics, _page) = PrometheusMetricLayer::pair();
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(AccessLayer)
        .layer(NewSentryLayer::<Request<Body>>::new_from_top())
        .layer(SentryHttpLayer::new())
        .layer(quiet_trace_layer())
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
