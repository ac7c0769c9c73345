//! The lean peer's access log: one event with every field, outside every span.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::MatchedPath;
use http::{HeaderValue, Method, Request, Response, Uri};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tower_http::request_id::RequestId;

/// Logs each response.
#[derive(Clone)]
pub(super) struct AccessLayer;

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access { inner }
    }
}

#[derive(Clone)]
pub(super) struct Access<S> {
    inner: S,
}

impl<S, Q, B> Service<Request<Q>> for Access<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let extensions = request.extensions();
        let id = extensions.get::<RequestId>();
        ResponseFuture {
            began: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: extensions.get::<MatchedPath>().cloned(),
            id: id.map(|id| id.header_value().clone()),
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    pub(super) struct ResponseFuture<F> {
        #[pin]
        inner: F,
        began: Instant,
        method: Method,
        uri: Uri,
        route: Option<MatchedPath>,
        id: Option<HeaderValue>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(context))?;
        let id = this.id.as_ref().and_then(|id| id.to_str().ok());
        tracing::info!(
            method = this.method.as_str(),
            path = this.uri.path(),
            route = this.route.as_ref().map(MatchedPath::as_str),
            status = answer.status().as_u16(),
            latency_us = this.began.elapsed().as_micros() as u64,
            request_id = id,
            "request"
        );
        Poll::Ready(Ok(answer))
    }
}
