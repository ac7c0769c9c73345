//! OTLP over HTTP. A blocking client is right for it: it is used only on the
//! exporting thread, so that it needs no runtime and outlives every one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    Compression, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use ureq::Agent;

use super::attempts::Attempts;
use super::export::retry;
use super::processor::Export;
use super::settings::{Headers, Otlp};
use crate::exports::Sent;

/// Most bytes of an answer that are read.
const ANSWER_MAX: u64 = 4 << 20;

pub(super) fn connect(
    otlp: &Otlp,
    resource: &Resource,
    attempts: Arc<Attempts>,
    sent: Sent,
) -> Result<Export, String> {
    let client = Client::new(otlp.timeout, otlp.headers.clone(), attempts, sent);
    let mut http = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(client)
        .with_retry_policy(retry())
        .with_endpoint(&otlp.endpoint)
        .with_timeout(otlp.timeout);
    if otlp.gzip {
        http = http.with_compression(Compression::Gzip);
    }
    let mut exporter = http.build().map_err(|error| error.to_string())?;
    exporter.set_resource(resource);
    Ok(Box::new(move |batch| {
        futures_executor::block_on(exporter.export(batch))
    }))
}

#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    headers: Headers,
    attempts: Arc<Attempts>,
    sent: Sent,
}

/// What the exporter says of a body. Its other headers are those of the
/// process's environment; ours are of the one that was given.
const OF_BODY: [header::HeaderName; 3] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::USER_AGENT,
];

impl Client {
    /// A client whose every request ends within `timeout`, connecting included,
    /// and which counts what it sends.
    pub(crate) fn new(
        timeout: Duration,
        headers: Headers,
        attempts: Arc<Attempts>,
        sent: Sent,
    ) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false);
        Self {
            agent: Agent::new_with_config(config.build()),
            headers,
            attempts,
            sent,
        }
    }

    pub(crate) fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (mut parts, body) = request.into_parts();
        let said = std::mem::replace(&mut parts.headers, HeaderMap::new());
        for name in OF_BODY {
            if let Some(value) = said.get(&name) {
                parts.headers.insert(name, value.clone());
            }
        }
        for (name, value) in &self.headers.0 {
            parts.headers.insert(name.clone(), value.clone());
        }
        self.sent.add(body.len());
        let answer = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(ANSWER_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, bytes.into()))
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.attempts.send();
        let sent = self.send(request);
        match &sent {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.attempts.fail(&format!("status {}", answer.status())),
            Err(error) => self.attempts.fail(&error.to_string()),
        }
        Ok(sent?)
    }
}
