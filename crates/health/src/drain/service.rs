use std::task::{Context, Poll};

use http::{Request, Response, Version};
use plimsoll_core::{Refusal, Rollout, held};
use tower_service::Service;

use super::future::Farewell;
use super::{Drain, ResponseFuture};

/// A service whose requests are counted and that can drain; see the
/// [module](super).
#[derive(Debug, Clone)]
pub struct DrainGate<S> {
    inner: S,
    drain: Drain,
    rollout: Rollout,
}

impl<S> DrainGate<S> {
    pub(super) fn new(inner: S, drain: Drain, rollout: Rollout) -> Self {
        Self {
            inner,
            drain,
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
}

impl<S, ReqB, B> Service<Request<ReqB>> for DrainGate<S>
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
        let stands_down = self.rollout.stands_down();
        let permit = (!stands_down).then(|| self.drain.enter());
        let permit = permit.and_then(held::to_record);
        let mut farewell = Farewell {
            drain: self.drain.clone(),
            rollout: self.rollout.clone(),
            http1: request.version() < Version::HTTP_2,
            counted: false,
        };
        if self.drain.is_over() && !stands_down {
            if farewell.acts() {
                self.drain.count_refused();
                return ResponseFuture::refused(Refusal::Draining, permit, &farewell);
            }
            farewell.counted = true;
        }
        ResponseFuture::admitted(self.inner.call(request), permit, farewell)
    }
}
