//! The smallest journey: one GET of one address.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time::{self, Instant};

use crate::engine::{Executor, JourneyError, Visit};
use crate::sample::{Answer, Endpoint};
use crate::tape::{Finished, Tape};

/// Gets one address over pooled connections.
#[derive(Debug, Clone)]
pub struct HttpGet {
    client: Client<HttpConnector, Empty<Bytes>>,
    uri: Uri,
    endpoint: Endpoint,
    timeout: Duration,
}

/// Not an address this can get.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an http address; write it like http://127.0.0.1:8080/v1/cards")]
pub struct AddressError(pub String);

impl HttpGet {
    /// Gets `url`, which the service knows by `route`; by its path when `None`.
    ///
    /// # Errors
    /// The address is not one over plain HTTP.
    pub fn new(url: &str, route: Option<&str>, timeout: Duration) -> Result<Self, AddressError> {
        let uri: Uri = url.parse().map_err(|_| AddressError(url.to_owned()))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            return Err(AddressError(url.to_owned()));
        }
        let endpoint = Endpoint::new("GET", route.unwrap_or_else(|| uri.path()));
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            uri,
            endpoint,
            timeout,
        })
    }

    async fn get(&self) -> (Answer, Instant) {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.uri.clone();
        match self.client.request(request).await {
            Ok(response) => {
                let (answer, head) = (Answer::Status(response.status().as_u16()), Instant::now());
                // Read to the end, so that the connection can be used again.
                let mut body = response.into_body();
                while let Some(frame) = body.frame().await {
                    if frame.is_err() {
                        return (Answer::Transport, Instant::now());
                    }
                }
                (answer, head)
            }
            Err(error) if error.is_connect() => (Answer::Refused, Instant::now()),
            Err(_) => (Answer::Transport, Instant::now()),
        }
    }
}

impl Executor for HttpGet {
    async fn journey(&self, _: Visit, tape: &mut Tape) -> Result<(), JourneyError> {
        tape.sending(self.endpoint.clone());
        let sent = Instant::now();
        let (answer, done) = time::timeout(self.timeout, self.get())
            .await
            .unwrap_or_else(|_| (Answer::Timeout, Instant::now()));
        let endpoint = self.endpoint.clone();
        tape.finished(Finished {
            endpoint,
            sent,
            done,
            answer,
        });
        Ok(())
    }
}

/// The cause at the bottom: `Connection refused`, not `client error (Connect)`.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_addresses_are_taken() {
        for url in [
            "",
            "127.0.0.1",
            "https://127.0.0.1/",
            "http:///path",
            "ftp://a/b",
        ] {
            assert!(HttpGet::new(url, None, Duration::MAX).is_err(), "{url}");
        }
        let get = HttpGet::new(
            "http://127.0.0.1:1/cards/7",
            Some("/cards/{id}"),
            Duration::MAX,
        );
        assert_eq!(
            get.expect("an address").endpoint,
            Endpoint::new("GET", "/cards/{id}")
        );
    }
}
