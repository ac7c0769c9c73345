use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use plimsoll_core::Refusal;
use plimsoll_core::gate::Gate as _;
use tower_service::Service;

use super::ask::{Round, Verdict};
use super::service::Parts;
use super::taken::Taken;
use crate::layer::{Fields, is_refusal};

type Asking = Pin<Box<dyn Future<Output = Round> + Send>>;

pin_project! {
    /// The answer of a [`super::SharedLimit`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Q, F, B> {
        #[pin]
        kind: Kind<S, Q, F, B>,
        // Who answers, and what; empty without shared limits and once it is done.
        owed: Option<(Arc<Parts>, Owed)>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<S, Q, F, B> {
        Asking { asking: Asking, waiting: Option<Waiting<S, Q>> },
        Passed { #[pin] inner: F },
        Refused { response: Option<Response<B>> },
    }
}

/// What is owed to a request: the fields of its answer, and what it took if it is
/// refused further inside.
pub(super) struct Owed {
    fields: Fields,
    taken: Taken,
}

/// A request that waits for its decision, and the service that is ready for it.
struct Waiting<S, Q> {
    parts: Arc<Parts>,
    service: S,
    request: Request<Q>,
}

impl<S, Q, F, B> ResponseFuture<S, Q, F, B> {
    pub(super) fn plain(inner: F) -> Self {
        Self {
            kind: Kind::Passed { inner },
            owed: None,
        }
    }

    pub(super) fn passed(inner: F, parts: &Arc<Parts>, owed: Owed) -> Self {
        Self {
            kind: Kind::Passed { inner },
            owed: Some((Arc::clone(parts), owed)),
        }
    }

    pub(super) fn refused(refusal: Refusal, parts: &Arc<Parts>, owed: Owed) -> Self
    where
        B: Default,
    {
        let response = Some(refusal.response());
        Self {
            kind: Kind::Refused { response },
            owed: Some((Arc::clone(parts), owed)),
        }
    }

    pub(super) fn asking(
        mut round: Round,
        parts: &Arc<Parts>,
        service: S,
        request: Request<Q>,
    ) -> Self {
        let limits = Arc::clone(&parts.limiter.0);
        let asking = Box::pin(async move {
            round.ask(&limits).await;
            round
        });
        let waiting = Some(Waiting {
            parts: Arc::clone(parts),
            service,
            request,
        });
        Self {
            kind: Kind::Asking { asking, waiting },
            owed: None,
        }
    }
}

impl Parts {
    /// What is answered.
    pub(super) fn settle(&self, verdict: Verdict) -> (Option<Refusal>, Owed) {
        let closed = verdict.closed.map(|policy| Refusal::LimiterDown { policy });
        let (refusal, fields) = self.gate.settle(verdict.answer, closed);
        let taken = verdict.taken;
        (refusal, Owed { fields, taken })
    }
}

impl<S, Q, B> Future for ResponseFuture<S, Q, S::Future, B>
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: Default,
{
    type Output = Result<Response<B>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut response = loop {
            match this.kind.as_mut().project() {
                KindProjection::Passed { inner } => break ready!(inner.poll(context))?,
                KindProjection::Refused { response } => match response.take() {
                    Some(response) => break response,
                    // Polled again after it was ready: nothing more will come.
                    None => return Poll::Pending,
                },
                KindProjection::Asking { asking, waiting } => {
                    let round = ready!(asking.as_mut().poll(context));
                    let Some(waiting) = waiting.take() else {
                        return Poll::Pending;
                    };
                    let Waiting {
                        parts,
                        mut service,
                        request,
                    } = waiting;
                    let verdict = round.end(&parts.limiter.0);
                    let (refusal, owed) = parts.settle(verdict);
                    let kind = match refusal {
                        None => Kind::Passed {
                            inner: service.call(request),
                        },
                        Some(refusal) => Kind::Refused {
                            response: Some(refusal.response()),
                        },
                    };
                    *this.owed = Some((parts, owed));
                    this.kind.set(kind);
                }
            }
        };
        if let Some((parts, Owed { fields, taken })) = this.owed.take() {
            if is_refusal(&response) {
                taken.give_back(&parts.limiter.0);
            }
            parts.gate.answer(fields, &mut response);
        }
        Poll::Ready(Ok(response))
    }
}

impl<S, Q, F, B> std::fmt::Debug for ResponseFuture<S, Q, F, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
