//! What the peers' stacks share: exporters, writers, layers.

use std::time::Duration;

use axum::body::Body;
use governor::middleware::NoOpMiddleware;
use http::StatusCode;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use plimsoll_bench_ours::Fault;
use plimsoll_bench_ours::stack::{Setup, log_output};
use plimsoll_bench_ours::stacks::DSN;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::PeerIpKeyExtractor;
use tower_http::timeout::TimeoutLayer;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

/// Spans by the batch processor to OTLP over HTTP, the exporter's default.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    pub(super) fn start(setup: &Setup) -> Result<Self, Fault> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&setup.otlp)
            .build()?;
        let ratio = Sampler::TraceIdRatioBased(setup.sampling);
        let provider = SdkTracerProvider::builder()
            .with_resource(
                Resource::builder()
                    .with_service_name("card-service")
                    .build(),
            )
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .with_batch_exporter(exporter)
            .build();
        Ok(Self(provider))
    }

    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.0.tracer("card-service");
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_filter(LevelFilter::INFO)
    }

    /// As [`Traces::layer`], but events stay out of spans.
    pub(super) fn spans_only<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.0.tracer("card-service");
        let spans =
            filter_fn(|metadata| metadata.is_span() && *metadata.level() <= LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_filter(spans.with_max_level_hint(LevelFilter::INFO))
    }

    pub(super) fn finish(&self) -> Result<(), Fault> {
        Ok(self.0.shutdown()?)
    }
}

/// Lines by the non-blocking writer, which drops and counts when it is behind.
pub(super) struct Lines {
    writer: NonBlocking,
    guard: WorkerGuard,
    errors: ErrorCounter,
}

impl Lines {
    pub(super) fn start() -> Result<Self, Fault> {
        let (writer, guard) = tracing_appender::non_blocking(log_output()?);
        let errors = writer.error_counter();
        Ok(Self {
            writer,
            guard,
            errors,
        })
    }

    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(self.writer.clone())
    }

    /// Writes what waits; returns how many lines were dropped.
    pub(super) fn finish(self) -> u64 {
        drop(self.guard);
        self.errors.dropped_lines() as u64
    }
}

/// Makes a subscriber the process's own.
pub(super) fn install(subscriber: impl Subscriber + Send + Sync) -> Result<(), Fault> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a peer is the host here; there is nobody to take it from"
    )]
    let taken = tracing::subscriber::set_global_default(subscriber);
    Ok(taken?)
}

/// A client of Sentry that is never asked to send.
pub(super) fn sentry_client() -> Result<sentry::ClientInitGuard, Fault> {
    let options = sentry::ClientOptions::default();
    Ok(sentry::init((DSN.parse::<sentry::types::Dsn>()?, options)))
}

pub(super) fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(10))
}

/// A limit per client's address that never denies.
pub(super) fn limit() -> Result<GovernorLayer<PeerIpKeyExtractor, NoOpMiddleware, Body>, Fault> {
    let mut builder = GovernorConfigBuilder::default();
    let config = builder.per_nanosecond(1_000).burst_size(1_000_000).finish();
    let config = config.ok_or("tower_governor takes no such quota")?;
    Ok(GovernorLayer::new(config))
}
