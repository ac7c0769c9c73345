//! The `Service`: what can be said before the inner service is called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Body;
use plimsoll_core::names::value;
use plimsoll_core::{Part, Refusal, current};
use tower_service::Service;

use super::{ResponseBody, ResponseFuture, Style};
use crate::answer::{Asked, Failure, Noted};

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
        // The record of our own stack has read the head.
        let noted = style.rollout.within(|record| Noted {
            grpc: record.grpc.is_some(),
            #[cfg(feature = "axum")]
            matched: record.route != value::UNMATCHED,
            bytes: record.bytes_in,
        });
        let told = match noted {
            Some(Noted { grpc: false, .. }) => Told::default(),
            _ => Told::by(request.headers()),
        };
        let asked = Asked::of(&style, &request, told.kind, noted);
        let declared = noted.map_or_else(|| told.length(), |noted| Some(noted.bytes));
        if let Some(refusal) = too_large(&style, declared) {
            return ResponseFuture::failed(refusal.into(), asked, style);
        }
        // Through places outside: `catch_unwind` copies what it takes and gives
        // several times, and these are large.
        let (mut request, mut future) = (Some(request), None);
        let called = catch_unwind(AssertUnwindSafe(|| {
            if let Some(request) = request.take() {
                future = Some(self.inner.call(request));
            }
        }));
        match called {
            Ok(()) => ResponseFuture::running(future, asked, style),
            Err(panic) => ResponseFuture::failed(Failure::panicked(panic.as_ref()), asked, style),
        }
    }
}

/// What a request's headers say of its body.
#[derive(Debug, Default)]
struct Told<'a> {
    kind: Option<&'a HeaderValue>,
    length: Option<&'a HeaderValue>,
}

/// Up to so many header fields one walk costs less than two look-ups.
const FEW: usize = 16;

impl<'a> Told<'a> {
    fn by(headers: &'a HeaderMap) -> Self {
        let (mut kind, mut length) = (headers.len() > FEW, headers.len() > FEW);
        if !kind {
            for name in headers.keys() {
                kind |= *name == header::CONTENT_TYPE;
                length |= *name == header::CONTENT_LENGTH;
            }
        }
        let value = |wanted: bool, name| wanted.then(|| headers.get(name)).flatten();
        Self {
            kind: value(kind, header::CONTENT_TYPE),
            length: value(length, header::CONTENT_LENGTH),
        }
    }

    fn length(&self) -> Option<u64> {
        self.length?.to_str().ok()?.parse().ok()
    }
}

/// Refuses a body that is declared larger than the limit.
fn too_large(style: &Style, declared: Option<u64>) -> Option<Refusal> {
    let limit = style.body_limit?;
    (declared? > limit && style.rollout.acts(Part::Shape, route()))
        .then_some(Refusal::BodyTooLarge { limit })
}

/// The route of the current record, for counting.
pub(crate) fn route() -> &'static str {
    current::with(|record| record.route).unwrap_or(value::UNMATCHED)
}
