//! Sends an encoded request to a collector: OTLP/HTTP, section "OTLP/HTTP" of
//! the protocol's specification. Blocking, for an exporting thread.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

use super::target::Target;
use crate::exports::Sent;
use crate::traces::{Attempts, Client};

/// A refused request is sent once more, after as long as the collector asks, or this.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) struct Post {
    client: Client,
    target: Target,
    attempts: Arc<Attempts>,
}

impl Post {
    /// `sent` counts the bytes.
    pub(super) fn new(target: Target, sent: Sent) -> Self {
        let attempts = Arc::<Attempts>::default();
        let headers = target.headers.clone();
        Self {
            client: Client::new(target.timeout, headers, Arc::clone(&attempts), sent),
            target,
            attempts,
        }
    }

    /// The body of the answer, or why there is none.
    pub(super) fn send(&self, body: Vec<u8>) -> Result<Bytes, String> {
        let end = Instant::now() + self.target.timeout;
        let body = Bytes::from(self.packed(body)?);
        self.attempts.begin();
        let mut again = true;
        loop {
            self.attempts.send();
            let request = self.request(body.clone())?;
            let wait = match self.client.send(request) {
                Ok(answer) if answer.status().is_success() => return Ok(answer.into_body()),
                Ok(answer) => {
                    self.attempts.fail(&format!("status {}", answer.status()));
                    retry_after(answer.status(), answer.headers())
                }
                Err(error) => {
                    self.attempts.fail(&error.to_string());
                    Some(AGAIN)
                }
            };
            match wait.filter(|wait| again && Instant::now() + *wait < end) {
                // An early wake-up only sends sooner.
                Some(wait) => std::thread::park_timeout(wait),
                None => return Err(self.attempts.reason().unwrap_or_default()),
            }
            again = false;
        }
    }

    fn packed(&self, body: Vec<u8>) -> Result<Vec<u8>, String> {
        if !self.target.gzip {
            return Ok(body);
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let written = packed.write_all(&body);
        let packed = written.and_then(|()| packed.finish());
        packed.map_err(|error| error.to_string())
    }

    fn request(&self, body: Bytes) -> Result<Request<Bytes>, String> {
        let mut request = Request::post(&self.target.endpoint)
            .body(body)
            .map_err(|error| error.to_string())?;
        let headers = request.headers_mut();
        let kind = HeaderValue::from_static("application/x-protobuf");
        headers.insert(header::CONTENT_TYPE, kind);
        if self.target.gzip {
            let gzip = HeaderValue::from_static("gzip");
            headers.insert(header::CONTENT_ENCODING, gzip);
        }
        Ok(request)
    }
}

/// `None` for an answer that will not get better.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status.as_u16(), 429 | 502 | 503 | 504) {
        return None;
    }
    let asked = headers.get(header::RETRY_AFTER);
    let asked = asked.and_then(|value| value.to_str().ok()?.parse().ok());
    Some(asked.map_or(AGAIN, Duration::from_secs))
}
