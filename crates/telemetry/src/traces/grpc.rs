//! OTLP over gRPC, on a runtime of the exporting thread's own, so that it needs
//! none of the service's and outlives it.

use std::sync::Arc;

use http::HeaderMap;
use opentelemetry_otlp::{Compression, SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::attempts::Attempts;
use super::export::retry;
use super::processor::Export;
use super::settings::Otlp;

pub(super) fn connect(
    otlp: &Otlp,
    resource: &Resource,
    attempts: Arc<Attempts>,
) -> Result<Export, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    // The channel is made lazily, and spawns on the runtime it is made in.
    let inside = runtime.enter();
    let headers: HeaderMap = otlp.headers.0.iter().cloned().collect();
    let count = move |request: Request<()>| -> Result<Request<()>, Status> {
        attempts.send();
        Ok(request)
    };
    let mut tonic = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&otlp.endpoint)
        .with_timeout(otlp.timeout)
        .with_metadata(MetadataMap::from_headers(headers))
        .with_interceptor(count)
        .with_retry_policy(retry());
    if otlp.gzip {
        tonic = tonic.with_compression(Compression::Gzip);
    }
    let mut exporter = tonic.build().map_err(|error| error.to_string())?;
    drop(inside);
    exporter.set_resource(resource);
    Ok(Box::new(move |batch| {
        runtime.block_on(exporter.export(batch))
    }))
}
