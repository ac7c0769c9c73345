//! Our own tracer provider: OTLP over HTTP through the bounded processor.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter as _};
use plimsoll_core::Clock;

use super::data::Scribe;
use super::http::Client;
use super::processor::{Batching, BoundedProcessor, Export};
use super::sampler::Sampler;
use super::spans::{Own, Spans};

/// Where and how spans are exported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Otlp {
    /// Full address of the traces endpoint.
    pub(crate) endpoint: String,
    /// Time limit of one export.
    pub(crate) timeout: Duration,
    pub(crate) batching: Batching,
    pub(crate) sampler: Sampler,
    /// Whether spans are also exported for how their request ended.
    pub(crate) keep: bool,
}

/// Why spans cannot be exported.
#[derive(Debug)]
#[non_exhaustive]
pub enum OtlpError {
    /// This build has no TLS for OTLP.
    Https(String),
    /// The address is neither `http://` nor `https://`.
    Scheme(String),
    /// The exporting thread could not be started.
    Thread(std::io::Error),
}

impl std::fmt::Display for OtlpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Https(endpoint) => write!(
                f,
                "OTLP endpoint {endpoint} wants TLS, which this build does not have; build with the feature `https` or send to a collector on http://"
            ),
            Self::Scheme(endpoint) => write!(
                f,
                "OTLP endpoint {endpoint:?} is no http address; write for example http://127.0.0.1:4318"
            ),
            Self::Thread(error) => write!(f, "the span exporter's thread did not start: {error}"),
        }
    }
}

impl std::error::Error for OtlpError {}

/// An address without the user and password that may stand in it.
fn public(address: &str) -> String {
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.into(),
        (_, None) => address.into(),
    }
}

/// Spans of ours that go to `otlp`.
pub(crate) fn own(service: &str, otlp: Otlp, clock: Clock) -> Result<Spans, OtlpError> {
    match otlp.endpoint.split_once("://") {
        Some(("http", _)) => {}
        Some(("https", _)) if cfg!(feature = "https") => {}
        Some(("https", _)) => return Err(OtlpError::Https(public(&otlp.endpoint))),
        _ => return Err(OtlpError::Scheme(public(&otlp.endpoint))),
    }
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none_or(|name| name.is_empty()) {
        resource = resource.with_service_name(service.to_owned());
    }
    let resource = resource.build();
    let (endpoint, timeout, of_spans) = (otlp.endpoint, otlp.timeout, resource.clone());
    let connect = move |sent| {
        let http = SpanExporter::builder().with_http();
        let http = http
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(Client::new(timeout, sent))
            .with_timeout(timeout);
        let exporter = http.with_endpoint(endpoint).build();
        let mut exporter = exporter.map_err(|error| error.to_string())?;
        exporter.set_resource(&of_spans);
        let export = move |batch| futures_executor::block_on(exporter.export(batch));
        Ok(Box::new(export) as Export)
    };
    let processor = BoundedProcessor::start(otlp.batching, Scribe::new(clock), connect);
    let processor = processor.map_err(OtlpError::Thread)?;
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(otlp.sampler.sdk())
        .with_span_processor(processor.clone())
        .build();
    Ok(Spans::Own(Own {
        provider,
        processor,
        sampler: otlp.sampler,
        switches: Arc::default(),
        keep: otlp.keep && !otlp.sampler.never(),
    }))
}
