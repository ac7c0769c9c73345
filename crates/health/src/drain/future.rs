use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Response, StatusCode, header};
use pin_project_lite::pin_project;
use plimsoll_core::names::value;
use plimsoll_core::{Part, Permit, Refusal, Rollout, current, held};

use super::Drain;

/// What has to be known to ask a client to close its connection.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) drain: Drain,
    pub(super) rollout: Rollout,
    pub(super) http1: bool,
    /// Whether the request was counted already for what observing left undone.
    pub(super) counted: bool,
}

impl Farewell {
    /// Counts by route that draining changes this answer, and whether it may.
    pub(super) fn acts(&self) -> bool {
        let route = current::with(|record| record.route).unwrap_or(value::UNMATCHED);
        self.rollout.acts(Part::Drain, route)
    }

    fn say(&self, response: &mut Response<impl Sized>) {
        // An upgrade's `Connection` header is its own, and HTTP/2 has GOAWAY.
        let can_close = self.http1 && response.status() != StatusCode::SWITCHING_PROTOCOLS;
        if can_close && self.drain.is_draining() && !self.counted && self.acts() {
            close(response);
        }
    }
}

fn close(response: &mut Response<impl Sized>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
}

pin_project! {
    /// The answer of a [`super::DrainGate`]; counts as in flight when no record does.
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
        Admitted { #[pin] inner: F, permit: Option<Permit>, farewell: Farewell },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn admitted(inner: F, permit: Option<Permit>, farewell: Farewell) -> Self {
        let kind = Kind::Admitted {
            inner,
            permit,
            farewell,
        };
        Self { kind }
    }

    pub(super) fn refused(refusal: Refusal, permit: Option<Permit>, farewell: &Farewell) -> Self
    where
        B: Default,
    {
        let mut response = refusal.response();
        held::attach(permit, &mut response);
        if farewell.http1 {
            close(&mut response);
        }
        let response = Some(response);
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
            KindProjection::Admitted {
                inner,
                permit,
                farewell,
            } => {
                let answer = ready!(inner.poll(context));
                let permit = permit.take();
                Poll::Ready(answer.map(|mut response| {
                    farewell.say(&mut response);
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
