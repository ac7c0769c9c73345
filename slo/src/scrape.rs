//! One scrape of a metrics page over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::exposition::{Exposition, ParseError};

/// A scrape that takes longer is given up.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// A page that is longer is refused.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Why a scrape failed, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    /// Not an `http://` address.
    #[error("`{0}` is not an http address; write it like http://127.0.0.1:8081/metrics")]
    Address(String),
    /// Nobody answered.
    #[error(
        "{url} cannot be reached: {why}; is the service running, and is this its status listener?"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// The innermost cause.
        why: String,
    },
    /// No complete answer within [`TIMEOUT`].
    #[error("{0} gave no complete answer within {limit} s; is it overloaded?", limit = TIMEOUT.as_secs())]
    Timeout(String),
    /// An answer other than 200.
    #[error("{url} answered {status}; is it the path of the metrics page, such as /metrics?")]
    Status {
        /// The address.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// Longer than [`MAX_BYTES`].
    #[error("{0} sent more than {MAX_BYTES} bytes; reduce its series")]
    TooLong(String),
    /// The connection broke within the page.
    #[error("{url} broke off: {why}; try again")]
    Broken {
        /// The address.
        url: String,
        /// The cause.
        why: String,
    },
    /// Not text in UTF-8.
    #[error("{0} sent no UTF-8 text; is it a metrics page in the text format?")]
    NotText(String),
    /// Text that is no metrics page.
    #[error("{url}: {source}; is it a metrics page in the Prometheus text format?")]
    Parse {
        /// The address.
        url: String,
        /// The line.
        source: ParseError,
    },
}

/// Scrapes `url` once.
///
/// # Errors
/// [`ScrapeError`]; its text says what to do.
pub async fn get(url: &str) -> Result<Exposition, ScrapeError> {
    let uri: Uri = url
        .parse()
        .map_err(|_| ScrapeError::Address(url.to_owned()))?;
    if uri.scheme_str() != Some("http") || uri.host().is_none() {
        return Err(ScrapeError::Address(url.to_owned()));
    }
    let body = tokio::time::timeout(TIMEOUT, fetch(url, uri))
        .await
        .map_err(|_| ScrapeError::Timeout(url.to_owned()))??;
    let text = std::str::from_utf8(&body).map_err(|_| ScrapeError::NotText(url.to_owned()))?;
    Exposition::parse(text).map_err(|source| ScrapeError::Parse {
        url: url.to_owned(),
        source,
    })
}

async fn fetch(url: &str, uri: Uri) -> Result<Bytes, ScrapeError> {
    let request = Request::get(uri)
        .header(header::ACCEPT, "text/plain;version=0.0.4")
        .body(Empty::<Bytes>::new())
        .map_err(|_| ScrapeError::Address(url.to_owned()))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client
        .request(request)
        .await
        .map_err(|error| ScrapeError::Unreachable {
            url: url.to_owned(),
            why: innermost(&error),
        })?;
    if response.status() != StatusCode::OK {
        return Err(ScrapeError::Status {
            url: url.to_owned(),
            status: response.status(),
        });
    }
    match Limited::new(response.into_body(), MAX_BYTES)
        .collect()
        .await
    {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ScrapeError::TooLong(url.to_owned())),
        Err(error) => Err(ScrapeError::Broken {
            url: url.to_owned(),
            why: innermost(error.as_ref()),
        }),
    }
}

/// The cause at the bottom: `Connection refused`, not `client error (Connect)`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
