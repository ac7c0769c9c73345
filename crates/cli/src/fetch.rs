//! A small document over HTTP.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// A document that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A document that is longer is refused.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Gets the text at `url`. The error is a sentence that begins with the address.
pub(crate) fn text(url: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        tokio::time::timeout(TIMEOUT, get(url)).await.map_err(|_| {
            format!(
                "{url} gave no complete answer within {} s",
                TIMEOUT.as_secs()
            )
        })?
    })
}

async fn get(url: &str) -> Result<String, String> {
    let no_address =
        || format!("{url} is not an http address; write it like http://127.0.0.1:8000/errors.json");
    let uri: Uri = url.parse().map_err(|_| no_address())?;
    if uri.scheme_str() != Some("http") || uri.host().is_none() {
        return Err(no_address());
    }
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = uri;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client
        .request(request)
        .await
        .map_err(|error| format!("{url} cannot be reached: {}", innermost(&error)))?;
    if response.status() != StatusCode::OK {
        return Err(format!("{url} answered {}", response.status()));
    }
    let body = Limited::new(response.into_body(), MAX_BYTES)
        .collect()
        .await
        .map_err(|error| format!("{url} broke off: {}", innermost(error.as_ref())))?;
    String::from_utf8(body.to_bytes().into()).map_err(|_| format!("{url} sent no UTF-8 text"))
}

/// The cause at the bottom: `Connection refused`, not `client error (Connect)`.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
