use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Response;
use pin_project_lite::pin_project;
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Refusal, Rollout, current};
use tokio::time::{Sleep, sleep};

pin_project! {
    /// The answer of a [`super::Timeout`].
    ///
    /// # Panics
    /// When it has to wait outside a Tokio runtime with time enabled.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        #[pin]
        timer: Option<Sleep>,
        // Whether the limit was reached in mode `observe`.
        observed: bool,
        limit: Duration,
        rollout: Rollout,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, limit: Duration, rollout: Rollout) -> Self {
        Self {
            inner: Some(inner),
            timer: None,
            observed: false,
            limit,
            rollout,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            // Polled again after it was ready: nothing more will come.
            return Poll::Pending;
        };
        if let Poll::Ready(answer) = inner.poll(context) {
            return Poll::Ready(answer);
        }
        if *this.observed || this.rollout.mode(Part::Timeout) == Mode::Off {
            return Poll::Pending;
        }
        if this.timer.is_none() {
            this.timer.set(Some(sleep(*this.limit)));
        }
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(context));
        }
        let route = current::with(|record| record.route).unwrap_or(value::UNMATCHED);
        if this.rollout.acts(Part::Timeout, route) {
            this.inner.set(None);
            let limit = *this.limit;
            return Poll::Ready(Ok(Refusal::Timeout { limit }.response()));
        }
        *this.observed = true;
        Poll::Pending
    }
}
