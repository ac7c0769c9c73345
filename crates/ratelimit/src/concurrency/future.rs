use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use plimsoll_core::{Permit, Refusal, held};

pin_project! {
    /// The answer of a [`super::Concurrency`]; holds the permit when no record does.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B> {
        #[pin]
        kind: Kind<F, B>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<F, B> {
        Admitted { #[pin] inner: F, permit: Option<Permit> },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn admitted(inner: F, permit: Option<Permit>) -> Self {
        Self {
            kind: Kind::Admitted { inner, permit },
        }
    }

    pub(super) fn refused(refusal: Refusal) -> Self
    where
        B: Default,
    {
        let response = Some(refusal.response());
        Self {
            kind: Kind::Refused { response },
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Admitted { inner, permit } => {
                let answer = ready!(inner.poll(context));
                let permit = permit.take();
                Poll::Ready(answer.map(|mut response| {
                    held::attach(permit, &mut response);
                    response
                }))
            }
            // Polled again after it was ready, `None`: nothing more will come.
            KindProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
        }
    }
}
