//! The future: catches panics and decides whose failure an answer is.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;
use pin_project_lite::pin_project;
use plimsoll_core::{Mode, Part, Refusal, current};

use super::{ResponseBody, Style};
use crate::answer::{self, Asked, Failure};
use crate::foreign::{self, is_empty};
use crate::problem::MEDIA_TYPE;
use crate::{Fault, reference};

pin_project! {
    /// The answer of [`Errors`](super::Errors).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
        asked: Asked,
        style: Arc<Style>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut state = this.project().state;
            contain(|| state.set(State::Over));
        }
    }
}

/// Keeps a panic in the drop of the inner future from the connection.
fn contain(drop: impl FnOnce()) {
    // Its message went to the process's panic hook.
    let _ = catch_unwind(AssertUnwindSafe(drop));
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        // Full until it is over.
        Running { #[pin] future: Option<F> },
        Failed { failure: Option<Failure> },
        Over,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn running(future: Option<F>, asked: Asked, style: Arc<Style>) -> Self {
        let state = State::Running { future };
        Self {
            state,
            asked,
            style,
        }
    }

    /// The inner service was not called, or panicked in `call`. Rendered when
    /// polled, for that is when the record is current.
    pub(super) fn failed(failure: Failure, asked: Asked, style: Arc<Style>) -> Self {
        let failure = Some(failure);
        let state = State::Failed { failure };
        Self {
            state,
            asked,
            style,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes> + 'static,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (style, asked) = (&**this.style, &*this.asked);
        let running = match this.state.as_mut().project() {
            StateProjection::Running { future } => future.as_pin_mut(),
            StateProjection::Failed { failure } => {
                if let Some(failure) = failure.take() {
                    return Poll::Ready(Ok(alone(style, asked, failure)));
                }
                None
            }
            // Polled again after it was ready: nothing more will come.
            StateProjection::Over => None,
        };
        let Some(future) = running else {
            return Poll::Pending;
        };
        let mut polled = Poll::Pending;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| polled = future.poll(context))) {
            // It may panic once more as it goes, and the answer must not.
            contain(|| this.state.set(State::Over));
            let failure = Failure::panicked(panic.as_ref());
            return Poll::Ready(Ok(alone(style, asked, failure)));
        }
        let response = ready!(polled);
        Poll::Ready(response.map(|response| shape(style, asked, response, context)))
    }
}

/// The answer when there is no response to begin from.
fn alone<B>(style: &Style, asked: &Asked, failure: Failure) -> Response<ResponseBody<B>> {
    let (before, ()) = Response::new(()).into_parts();
    answer::render(style, asked, failure, before).map(ResponseBody::own)
}

/// The answer for a response of the inner service.
fn shape<B: Body<Data = Bytes> + 'static>(
    style: &Style,
    asked: &Asked,
    mut response: Response<B>,
    context: &mut Context<'_>,
) -> Response<ResponseBody<B>> {
    if response.status() < StatusCode::BAD_REQUEST {
        return response.map(ResponseBody::inner);
    }
    if let Some(mut fault) = response.extensions_mut().remove::<Fault>() {
        let told = fault.told.take();
        let whole = told.filter(|told| answer::is_told(style, asked, told));
        return match whole {
            Some(told) => noted(asked, fault.into(), told.reference, response),
            None if is_problem(&response) => instead(style, asked, fault.into(), response),
            None => noted_anew(asked, fault.into(), response),
        };
    }
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        let failure = Failure::from(*refusal);
        if is_empty(response.body()) {
            return instead(style, asked, failure, response);
        }
        return noted_anew(asked, failure, response);
    }
    unknown(style, asked, response, context)
}

/// Our answer in place of this one.
fn instead<B>(
    style: &Style,
    asked: &Asked,
    failure: Failure,
    response: Response<B>,
) -> Response<ResponseBody<B>> {
    let (before, body) = response.into_parts();
    contain(|| drop(body));
    answer::render(style, asked, failure, before).map(ResponseBody::own)
}

/// This answer as it is: it is whole already.
fn noted<B>(
    asked: &Asked,
    failure: Failure,
    reference: Option<Box<str>>,
    response: Response<B>,
) -> Response<ResponseBody<B>> {
    answer::note(asked, failure, reference);
    response.map(ResponseBody::inner)
}

/// This answer as it is: a layer between wrote its own.
fn noted_anew<B>(
    asked: &Asked,
    failure: Failure,
    response: Response<B>,
) -> Response<ResponseBody<B>> {
    let code = failure.fault.code;
    let reference = current::ids().map(|ids| reference::text(code, ids.trace_id));
    noted(asked, failure, reference, response)
}

/// Nobody on our side knows of this failure: axum's own, or a foreign one.
fn unknown<B: Body<Data = Bytes> + 'static>(
    style: &Style,
    asked: &Asked,
    mut response: Response<B>,
    context: &mut Context<'_>,
) -> Response<ResponseBody<B>> {
    if style.rollout.mode(Part::Shape) == Mode::Off {
        return response.map(ResponseBody::inner);
    }
    let found = of_axum(asked, &mut response, context)
        .or_else(|| foreign::find(style, asked, &mut response, context));
    let acting = found.filter(|_| style.rollout.acts(Part::Shape, super::service::route()));
    match acting {
        Some(failure) => instead(style, asked, failure, response),
        None => response.map(ResponseBody::inner),
    }
}

#[cfg(feature = "axum")]
fn of_axum<B: 'static>(
    asked: &Asked,
    response: &mut Response<B>,
    context: &mut Context<'_>,
) -> Option<Failure> {
    crate::rejection::find(response, asked.matched, context)
}

#[cfg(not(feature = "axum"))]
fn of_axum<B>(_: &Asked, _: &mut Response<B>, _: &mut Context<'_>) -> Option<Failure> {
    None
}

fn is_problem<B>(response: &Response<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.map(HeaderValue::as_bytes) == Some(MEDIA_TYPE.as_bytes())
}
