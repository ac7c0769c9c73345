//! A word with the service's status and control listeners.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time;

use crate::http_get::innermost;

/// An answer takes no longer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// And is no longer.
const MAX_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone)]
pub(super) struct Control(Client<HttpConnector, Full<Bytes>>);

impl Control {
    pub(super) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends `json` and tells the status.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        json: &str,
    ) -> Result<StatusCode, String> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(json.to_owned()))
            .map_err(|error| error.to_string())?;
        let answer = async {
            let response = self
                .0
                .request(request)
                .await
                .map_err(|error| innermost(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_BYTES).collect();
            body.await.map_err(|error| error.to_string())?;
            Ok(status)
        };
        let answered: Result<StatusCode, String> = time::timeout(TIMEOUT, answer)
            .await
            .map_err(|_| "no answer in time".to_owned())?;
        answered.map_err(|why| format!("{url}: {why}"))
    }

    /// Sends `json` and asks for a success.
    pub(super) async fn order(&self, method: Method, url: &str, json: &str) -> Result<(), String> {
        match self.send(method, url, json).await? {
            status if status.is_success() => Ok(()),
            status => Err(format!("{url} answered {status}")),
        }
    }
}
