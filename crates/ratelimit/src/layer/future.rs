use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Response};
use pin_project_lite::pin_project;
use plimsoll_core::Refusal;

use crate::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// What is added to an answer.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) limit: Option<HeaderValue>,
    pub(super) policy: Option<HeaderValue>,
}

impl Fields {
    pub(super) const fn none() -> Self {
        Self {
            limit: None,
            policy: None,
        }
    }

    /// Appended: an inner limit may have said its own.
    fn put(&mut self, headers: &mut HeaderMap) {
        if let Some(limit) = self.limit.take() {
            headers.append(RATE_LIMIT, limit);
        }
        if let Some(policy) = self.policy.take() {
            headers.append(RATE_LIMIT_POLICY, policy);
        }
    }
}

pin_project! {
    /// The answer of a [`super::RateLimit`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B> {
        #[pin]
        kind: Kind<F, B>,
        fields: Fields,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<F, B> {
        Passed { #[pin] inner: F },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn passed(inner: F, fields: Fields) -> Self {
        Self {
            kind: Kind::Passed { inner },
            fields,
        }
    }

    pub(super) fn refused(refusal: Refusal, fields: Fields) -> Self
    where
        B: Default,
    {
        Self {
            kind: Kind::Refused {
                response: Some(refusal.response()),
            },
            fields,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.kind.project() {
            KindProjection::Passed { inner } => ready!(inner.poll(context))?,
            KindProjection::Refused { response } => match response.take() {
                Some(response) => response,
                // Polled again after it was ready: nothing more will come.
                None => return Poll::Pending,
            },
        };
        this.fields.put(response.headers_mut());
        Poll::Ready(Ok(response))
    }
}
