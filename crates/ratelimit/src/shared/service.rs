use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use plimsoll_core::Mode;
use tower_service::Service;

use super::ask::Round;
use super::{ResponseFuture, SharedLimiter};
use crate::LimitGate;
use crate::limiter::Names;

/// A service behind shared limits; see the [module](super). Readiness is the
/// inner service's own.
#[derive(Debug)]
pub struct SharedLimit<S> {
    inner: S,
    parts: Option<Arc<Parts>>,
}

/// What decides, and how it is answered.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) limiter: SharedLimiter,
    pub(super) gate: LimitGate,
}

impl<S> SharedLimit<S> {
    pub(super) fn new(inner: S, parts: Option<Parts>) -> Self {
        Self {
            inner,
            parts: parts.map(Arc::new),
        }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone> Clone for SharedLimit<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            parts: self.parts.clone(),
        }
    }
}

impl<S, Q, B> Service<Request<Q>> for SharedLimit<S>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone,
    B: Default,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S, Q, S::Future, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let Some(parts) = &self.parts else {
            return ResponseFuture::plain(self.inner.call(request));
        };
        let mode = parts.gate.mode();
        if mode == Mode::Off {
            return ResponseFuture::plain(self.inner.call(request));
        }
        let limits = &parts.limiter.0;
        let begin = |keys, names: &Names<'_>| Round::begin(limits, keys, names, mode);
        let round = limits.limiter.with_keys(&mut request, begin);
        if round.is_done() {
            let (refusal, owed) = parts.settle(round.end(limits));
            return match refusal {
                None => ResponseFuture::passed(self.inner.call(request), parts, owed),
                Some(refusal) => ResponseFuture::refused(refusal, parts, owed),
            };
        }
        // The clone is not ready; the one that is goes with the request.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::asking(round, parts, ready, request)
    }
}
