use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::Gate;
use crate::refusal::Refusal;

pin_project! {
    /// The answer of a [`super::Gated`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, G: Gate, B> {
        #[pin]
        kind: Kind<F, B>,
        gate: Arc<G>,
        // Empty once it is answered.
        pass: Option<G::Pass>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<F, B> {
        Admitted { #[pin] inner: F },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, G: Gate, B> ResponseFuture<F, G, B> {
    pub(super) fn admitted(inner: F, gate: Arc<G>, pass: G::Pass) -> Self {
        Self {
            kind: Kind::Admitted { inner },
            gate,
            pass: Some(pass),
        }
    }

    pub(super) fn refused(refusal: Refusal, gate: Arc<G>, pass: G::Pass) -> Self
    where
        B: Default,
    {
        let response = Some(refusal.response());
        Self {
            kind: Kind::Refused { response },
            gate,
            pass: Some(pass),
        }
    }
}

impl<F, G, B, E> Future for ResponseFuture<F, G, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    G: Gate,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.kind.project() {
            KindProjection::Admitted { inner } => ready!(inner.poll(context))?,
            KindProjection::Refused { response } => match response.take() {
                Some(response) => response,
                // Polled again after it was ready: nothing more will come.
                None => return Poll::Pending,
            },
        };
        if let Some(pass) = this.pass.take() {
            this.gate.answer(pass, &mut response);
        }
        Poll::Ready(Ok(response))
    }
}

impl<F, G: Gate, B> std::fmt::Debug for ResponseFuture<F, G, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
