use std::task::{Context, Poll};

use http::{Request, Response};
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Refusal, Rollout, current};
use tower_service::Service;

use super::ResponseFuture;
use super::future::Fields;
use crate::Limiter;
use crate::limiter::Answer;

/// A service behind rate limits; see the [module](super).
#[derive(Debug, Clone)]
pub struct RateLimit<S> {
    inner: S,
    limiter: Limiter,
    rollout: Rollout,
}

impl<S> RateLimit<S> {
    pub(super) fn new(inner: S, limiter: Limiter, rollout: Rollout) -> Self {
        Self {
            inner,
            limiter,
            rollout,
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

    fn fields(&self, answer: &mut Answer) -> Fields {
        let limit = answer.field.take();
        let policy = limit.as_ref().and_then(|_| self.limiter.advertised());
        Fields { limit, policy }
    }
}

impl<S, ReqB, B> Service<Request<ReqB>> for RateLimit<S>
where
    S: Service<Request<ReqB>, Response = Response<B>>,
    B: Default,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        let mode = self.rollout.mode(Part::Limit);
        if mode == Mode::Off || self.limiter.is_empty() {
            return ResponseFuture::passed(self.inner.call(request), Fields::none());
        }
        let (parts, body) = request.into_parts();
        let mut answer = self.limiter.decide(&parts, mode);
        let route = current::with(|record| {
            record.decision = answer.tightest;
            record.route
        });
        let route = route.unwrap_or(value::UNMATCHED);
        if let Some(denied) = answer.denied
            && self.rollout.acts(Part::Limit, route)
        {
            let refusal = Refusal::Quota {
                policy: denied.policy,
                retry_after: denied.retry_after,
            };
            return ResponseFuture::refused(refusal, self.fields(&mut answer));
        }
        let fields = match mode {
            Mode::Enforce => self.fields(&mut answer),
            Mode::Off | Mode::Observe => Fields::none(),
        };
        let request = Request::from_parts(parts, body);
        ResponseFuture::passed(self.inner.call(request), fields)
    }
}
