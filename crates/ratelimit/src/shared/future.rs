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
use crate::layer::Fields;

type Asking = Pin<Box<dyn Future<Output = Round> + Send>>;

pin_project! {
    /// The answer of a [`super::SharedLimit`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Q, F, B> {
        #[pin]
        kind: Kind<S, Q, F, B>,
        // Who answers, and what; empty without shared limits and once it is done.
        fields: Option<(Arc<Parts>, Fields)>,
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
            fields: None,
        }
    }

    pub(super) fn passed(inner: F, parts: &Arc<Parts>, fields: Fields) -> Self {
        Self {
            kind: Kind::Passed { inner },
            fields: Some((Arc::clone(parts), fields)),
        }
    }

    pub(super) fn refused(refusal: Refusal, parts: &Arc<Parts>, fields: Fields) -> Self
    where
        B: Default,
    {
        let response = Some(refusal.response());
        Self {
            kind: Kind::Refused { response },
            fields: Some((Arc::clone(parts), fields)),
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
            fields: None,
        }
    }
}

impl Parts {
    /// What is answered.
    pub(super) fn settle(&self, verdict: Verdict) -> (Option<Refusal>, Fields) {
        let closed = verdict.closed.map(|policy| Refusal::LimiterDown { policy });
        self.gate.settle(verdict.answer, closed)
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
                    let (refusal, fields) = parts.settle(verdict);
                    let kind = match refusal {
                        None => Kind::Passed {
                            inner: service.call(request),
                        },
                        Some(refusal) => Kind::Refused {
                            response: Some(refusal.response()),
                        },
                    };
                    *this.fields = Some((parts, fields));
                    this.kind.set(kind);
                }
            }
        };
        if let Some((parts, fields)) = this.fields.take() {
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
