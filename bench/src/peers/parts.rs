//! The peers' parts alone.

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
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, registry};

use super::access::AccessLayer;
use super::careful::{quiet_trace_layer, trace_layer};
use super::lean::events_only;
use super::signals::{self, Lines, Traces};

pub(super) fn guards(setup: &Setup) -> Result<Built, Fault> {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(CatchPanicLayer::new())
        .layer(signals::timeout());
    Built::silent(app(setup.events).layer(layers))
}

pub(super) fn limit(setup: &Setup) -> Result<Built, Fault> {
    Built::silent(app(setup.events).layer(signals::limit()?))
}

pub(super) fn metrics(setup: &Setup) -> Result<Built, Fault> {
    let (metrics, _page) = PrometheusMetricLayer::pair();
    Built::silent(app(setup.events).layer(metrics))
}

pub(super) fn sentry(setup: &Setup) -> Result<Built, Fault> {
    let client = signals::sentry_client()?;
    let layers = ServiceBuilder::new()
        .layer(NewSentryLayer::<Request<Body>>::new_from_top())
        .layer(SentryHttpLayer::new());
    Built::new(app(setup.events).layer(layers), move || {
        drop(client);
        Ok(0)
    })
}

pub(super) fn log(setup: &Setup) -> Result<Built, Fault> {
    let lines = Lines::start()?;
    let subscriber = registry().with(lines.layer().with_filter(EnvFilter::new("info")));
    signals::install(subscriber)?;
    let app = app(setup.events).layer(trace_layer());
    Built::new(app, move || Ok(lines.finish()))
}

pub(super) fn plain_log(setup: &Setup) -> Result<Built, Fault> {
    let lines = Lines::start()?;
    let events = filter_fn(events_only).with_max_level_hint(LevelFilter::INFO);
    let subscriber = registry().with(lines.layer().with_filter(events));
    signals::install(subscriber)?;
    let app = app(setup.events).layer(AccessLayer);
    Built::new(app, move || Ok(lines.finish()))
}

pub(super) fn trace(setup: &Setup) -> Result<Built, Fault> {
    let traces = Traces::start(setup)?;
    let subscriber = registry().with(traces.spans_only());
    signals::install(subscriber)?;
    let app = app(setup.events).layer(quiet_trace_layer());
    Built::new(app, move || {
        traces.finish()?;
        Ok(0)
    })
}
