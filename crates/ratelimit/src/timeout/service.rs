use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::{Rollout, current};
use tower_service::Service;

use super::ResponseFuture;

/// A service whose heads come in time; see the [module](super).
#[derive(Debug, Clone)]
pub struct Timeout<S> {
    inner: S,
    limit: Duration,
    rollout: Rollout,
}

impl<S> Timeout<S> {
    pub(super) fn new(inner: S, limit: Duration, rollout: Rollout) -> Self {
        Self {
            inner,
            limit,
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

impl<S, ReqB, B> Service<Request<ReqB>> for Timeout<S>
where
    S: Service<Request<ReqB>, Response = Response<B>>,
    B: Default,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        // A trusted caller that waits for less gets no more.
        let deadline = current::with(|record| {
            let at = record.deadline?;
            Some(Duration::from_nanos(at.saturating_sub(record.started)))
        });
        let limit = deadline
            .flatten()
            .map_or(self.limit, |left| left.min(self.limit));
        ResponseFuture::new(self.inner.call(request), limit, self.rollout.clone())
    }
}
