//! Our own exporter and tracer provider: OTLP through the bounded processor.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::RetryPolicy;
use opentelemetry_sdk::trace::SdkTracerProvider;
use plimsoll_core::Clock;
use plimsoll_core::otel::public;

use super::attempts::Attempts;
use super::data::Scribe;
use super::processor::{BoundedProcessor, Tell};
use super::settings::{Otlp, Protocol};
use super::spans::Own;

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

/// A failed export is tried once more, after about this long or as long as the
/// collector asks, and within the time limit of the export.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) fn retry() -> RetryPolicy {
    let policy = RetryPolicy::recommended().with_max_retries(1);
    policy.with_initial_delay(AGAIN).with_max_jitter(AGAIN)
}

/// Spans of ours that go to `otlp`; `tell` writes a line when the collector
/// fails or is well again.
pub(crate) fn own(service: &str, otlp: Otlp, clock: Clock, tell: Tell) -> Result<Own, OtlpError> {
    let tls = cfg!(feature = "https") || otlp.protocol == Protocol::Grpc;
    match otlp.endpoint.split_once("://") {
        Some(("http", _)) => {}
        Some(("https", _)) if tls => {}
        Some(("https", _)) => return Err(OtlpError::Https(public(&otlp.endpoint))),
        _ => return Err(OtlpError::Scheme(public(&otlp.endpoint))),
    }
    let resource = otlp.resource(service);
    let (batching, limits, details) = (otlp.batching, otlp.limits, otlp.details);
    let (sampler, keep) = (otlp.sampler, otlp.keep && !otlp.sampler.never());
    let attempts = Arc::<Attempts>::default();
    let (of_export, of_spans) = (Arc::clone(&attempts), resource.clone());
    let connect = move |sent| match otlp.protocol {
        Protocol::Http => super::http::connect(&otlp, &of_spans, of_export, sent),
        #[cfg(feature = "otlp-grpc")]
        Protocol::Grpc => super::grpc::connect(&otlp, &of_spans, of_export),
        #[cfg(not(feature = "otlp-grpc"))]
        Protocol::Grpc => Err("this build has no gRPC".into()),
    };
    let scribe = Scribe::new(clock, limits, details);
    let processor = BoundedProcessor::start(batching, scribe, attempts, tell, connect);
    let processor = processor.map_err(OtlpError::Thread)?;
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler.of_application())
        .with_span_limits(limits.sdk())
        .with_span_processor(processor.clone())
        .build();
    Ok(Own {
        provider,
        processor,
        sampler,
        switches: Arc::default(),
        keep,
    })
}
