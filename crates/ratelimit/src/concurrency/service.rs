use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Permit, Refusal, Rollout, current, held};
use tower_service::Service;

use super::{ConcurrencyLimit, ResponseFuture};

/// How long a refused client is asked to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A service with a limit on requests in flight; see the [module](super).
#[derive(Debug, Clone)]
pub struct Concurrency<S> {
    inner: S,
    limit: ConcurrencyLimit,
    rollout: Rollout,
}

impl<S> Concurrency<S> {
    pub(super) fn new(inner: S, limit: ConcurrencyLimit, rollout: Rollout) -> Self {
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

    /// A permit for a request, or that it has to be refused. In mode `off`
    /// permits are still counted, so that a later `enforce` knows what is in flight.
    fn admit(&self) -> Result<Option<Permit>, Refusal> {
        if self.rollout.stands_down() {
            return Ok(None);
        }
        if self.rollout.mode(Part::Concurrency) == Mode::Off {
            return Ok(Some(self.limit.take_beyond()));
        }
        if let Some(permit) = self.limit.take() {
            return Ok(Some(permit));
        }
        let route = current::with(|record| record.route).unwrap_or(value::UNMATCHED);
        if self.rollout.acts(Part::Concurrency, route) {
            return Err(Refusal::Concurrency {
                retry_after: RETRY_AFTER,
            });
        }
        Ok(Some(self.limit.take_beyond()))
    }
}

impl<S, ReqB, B> Service<Request<ReqB>> for Concurrency<S>
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
        match self.admit() {
            Ok(permit) => {
                let permit = permit.and_then(held::to_record);
                ResponseFuture::admitted(self.inner.call(request), permit)
            }
            Err(refusal) => ResponseFuture::refused(refusal),
        }
    }
}
