//! Traces: the only module that names an OpenTelemetry type.
//!
//! On `own` sampling is decided first, with ids of ours, and the request's span
//! is made from its finished record on the exporting thread; on `join` it is the
//! host's tracer that begins it. Either way its context is attached around each
//! poll, so that spans of the application nest in it and
//! `opentelemetry::Context::current()` carries its ids, sampled or not.
//!
//! A request that ends in failure, panic, timeout, disconnect or slow has its own
//! span exported although the sampler said no: [`plimsoll_core::Keep`]. What it
//! called was told "not sampled" by then, so such a span stands alone, with the
//! attribute `plimsoll.keep`.

mod attempts;
mod call;
mod callers;
mod context;
mod data;
mod export;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod http;
mod lean;
mod page;
mod processor;
mod propagation;
mod rejected;
mod sampler;
mod settings;
mod spans;

#[cfg(any(feature = "otlp-logs", feature = "otlp-metrics"))]
pub(crate) use attempts::Attempts;
#[cfg(any(feature = "otlp-logs", feature = "otlp-metrics"))]
pub(crate) use call::quiet;
pub(crate) use call::{CallEnd, CallSpan, CallStart, suppressed};
pub use export::OtlpError;
pub(crate) use export::own;
#[cfg(any(feature = "otlp-logs", feature = "otlp-metrics"))]
pub(crate) use http::Client;
pub(crate) use lean::Gate;
pub(crate) use processor::{BoundedProcessor, Tell};
pub(crate) use propagation::Propagation;
pub(crate) use sampler::{Root, Sampler};
pub(crate) use settings::{Headers, Otlp, resource_of, service_name};
pub(crate) use spans::{Maker, Spans, Start};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

/// The exporter's own client, whose spans would be exported in their turn unless
/// the directives name it.
const OWN_TRAFFIC: [&str; 8] = [
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry_otlp",
    "hyper",
    "hyper_util",
    "h2",
    "reqwest",
    "tower",
];

/// Which spans and events of the application go into traces: the directives, of
/// `RUST_LOG`'s syntax without spans and fields.
pub(crate) fn wanted(directives: &str) -> Result<Targets, ParseError> {
    let asked: Targets = directives.parse()?;
    let unnamed = |quiet: &&str| !asked.iter().any(|(target, _)| target.starts_with(*quiet));
    let quiet: Vec<_> = OWN_TRAFFIC.into_iter().filter(unnamed).collect();
    Ok(asked.with_targets(quiet.into_iter().map(|target| (target, LevelFilter::OFF))))
}

/// Asked at each event that another layer wants and this one does not, which is
/// mostly told by its level alone; [`Targets`] would look at every directive.
struct Traced {
    targets: Targets,
    most: LevelFilter,
}

impl Traced {
    fn new(targets: Targets) -> Self {
        let levels = targets.iter().map(|(_, level)| level);
        let default = targets.default_level().unwrap_or(LevelFilter::OFF);
        Self {
            most: levels.fold(default, LevelFilter::max),
            targets,
        }
    }
}

impl<S> Filter<S> for Traced {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        *metadata.level() <= self.most && Filter::enabled(&self.targets, metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(&self.targets, metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most)
    }
}

/// Passes the application's spans to the tracer of `own`.
pub(crate) fn bridge<S>(spans: &Spans, filter: Targets) -> Option<Box<dyn Layer<S> + Send + Sync>>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let tracer = spans.own_tracer()?;
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(Traced::new(filter));
    Some(Box::new(layer))
}
