//! The exporter's HTTP client. Blocking is right for it: it is used only on the
//! exporting thread, so that it needs no runtime and outlives every one.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use ureq::Agent;

use crate::exports::Sent;

/// Most bytes of an answer that are read.
const ANSWER_MAX: u64 = 4 << 20;

#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    sent: Sent,
}

impl Client {
    /// A client whose every request ends within `timeout`, connecting included,
    /// and which counts what it sends.
    pub(super) fn new(timeout: Duration, sent: Sent) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false);
        let agent = Agent::new_with_config(config.build());
        Self { agent, sent }
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        self.sent.add(body.len());
        let answer = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(ANSWER_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, bytes.into()))
    }
}
