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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::TracesConfig;
    use plimsoll_core::otel::Otel;

    #[test]
    fn without_a_runtime_of_the_service_an_export_ends_and_is_sent_twice() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = nobody.local_addr().unwrap();
        drop(nobody);
        let env = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value));
        let (otel, _) = Otel::read(env);
        let otlp = Otlp::of(&otel, &TracesConfig::default(), &mut Vec::new()).unwrap();
        let attempts = Arc::<Attempts>::default();
        let resource = otlp.resource("cards");
        let mut export = connect(&otlp, &resource, Arc::clone(&attempts)).unwrap();
        attempts.begin();
        assert!(export(Vec::new()).is_err());
        assert_eq!(attempts.repeated(), 1);
    }
}
