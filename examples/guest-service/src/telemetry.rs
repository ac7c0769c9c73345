//! The service's own telemetry: JSON lines, a Prometheus recorder, a tracer.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanProcessor};
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// What requests need of it.
#[derive(Debug, Clone)]
pub struct Host {
    /// The page of metrics.
    pub metrics: PrometheusHandle,
    answered: Arc<AtomicU64>,
}

impl Host {
    /// Requests are numbered from 1.
    pub fn new(metrics: PrometheusHandle) -> Self {
        let answered = Arc::default();
        Self { metrics, answered }
    }

    /// The number of the next request.
    pub fn number(&self) -> u64 {
        self.answered.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The recorder of the `metrics` macros.
pub fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

/// The provider whose spans go to `processor`.
pub fn provider(processor: impl SpanProcessor + 'static) -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("orders").build())
        .with_span_processor(processor)
        .build()
}

/// JSON lines to `writer`, spans to `provider`.
pub fn subscriber<W>(writer: W, provider: &SdkTracerProvider) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().with_writer(writer);
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("orders"));
    tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(lines)
        .with(spans)
}

/// Makes them the process's own. Lines go to standard output.
///
/// # Errors
/// The process has others already.
#[expect(
    clippy::disallowed_methods,
    reason = "here is the host whose globals they are"
)]
pub fn install(provider: SdkTracerProvider) -> Result<Host, Box<dyn Error>> {
    let recorder = recorder();
    let host = Host::new(recorder.handle());
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    tracing::subscriber::set_global_default(subscriber(std::io::stdout, &provider))?;
    global::set_tracer_provider(provider);
    Ok(host)
}
