//! The `Service`: what can be said before the inner service is called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use plimsoll_core::names::value;
use plimsoll_core::{Part, Refusal, current};
use tower_service::Service;

use super::{ResponseBody, ResponseFuture, Style};
use crate::answer::{Asked, Failure};

/// Made by [`ErrorsLayer`](super::ErrorsLayer).
#[derive(Debug, Clone)]
pub struct Errors<S> {
    inner: S,
    style: Arc<Style>,
}

impl<S> Errors<S> {
    pub(super) fn new(inner: S, style: Arc<Style>) -> Self {
        Self { inner, style }
    }
}

impl<S, Q, B> Service<Request<Q>> for Errors<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: Body<Data = Bytes> + 'static,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let style = Arc::clone(&self.style);
        let asked = Asked::of(&style, &request);
        if let Some(refusal) = too_large(&style, &request) {
            return ResponseFuture::failed(refusal.into(), asked, style);
        }
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(future) => ResponseFuture::running(future, asked, style),
            Err(panic) => ResponseFuture::failed(Failure::panicked(panic.as_ref()), asked, style),
        }
    }
}

/// Refuses a body that is declared larger than the limit.
fn too_large<Q>(style: &Style, request: &Request<Q>) -> Option<Refusal> {
    let limit = style.body_limit?;
    let declared = request.headers().get(header::CONTENT_LENGTH)?;
    let declared: u64 = declared.to_str().ok()?.parse().ok()?;
    (declared > limit && style.rollout.acts(Part::Shape, route()))
        .then_some(Refusal::BodyTooLarge { limit })
}

/// The route of the current record, for counting.
pub(crate) fn route() -> &'static str {
    current::with(|record| record.route).unwrap_or(value::UNMATCHED)
}
