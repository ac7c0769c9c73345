use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use reqwest::Body;
use tower_service::Service;

/// reqwest's client as a service of `http` requests.
///
/// ```
/// use plimsoll_telemetry::Telemetry;
/// use plimsoll_telemetry::client::Reqwest;
/// use tower::Layer as _;
///
/// # let telemetry = Telemetry::builder("s").log_output(std::io::sink()).build()?;
/// let client = telemetry.client().layer(Reqwest(reqwest::Client::new()));
/// # let _ = client;
/// # Ok::<(), plimsoll_telemetry::TelemetryError>(())
/// ```
///
/// Redirects that reqwest follows and retries that it makes by itself are one
/// call here.
#[derive(Debug, Clone, Default)]
pub struct Reqwest(pub reqwest::Client);

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, reqwest::Error>> + Send>>;

impl<B: Into<Body>> Service<Request<B>> for Reqwest {
    type Response = Response<Body>;
    type Error = reqwest::Error;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answer {
        match reqwest::Request::try_from(request) {
            Ok(request) => {
                let sent = self.0.execute(request);
                Box::pin(async move { sent.await.map(Response::from) })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
