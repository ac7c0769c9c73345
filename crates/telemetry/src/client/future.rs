use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::call::Call;
use super::error::{Cause, ErrorType};

pin_project! {
    /// The future of [`super::Client`].
    pub struct ResponseFuture<F, C> {
        #[pin]
        inner: F,
        call: Option<Call>,
        kind: PhantomData<fn() -> C>,
    }
}

impl<F, C> ResponseFuture<F, C> {
    pub(super) fn new(inner: F, call: Option<Call>) -> Self {
        Self {
            inner,
            call,
            kind: PhantomData,
        }
    }
}

impl<F, C> fmt::Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, C, B, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: Cause<E>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = {
            let _panics = EndsInPanic(this.call);
            this.inner.poll(context)
        };
        let answer = ready!(polled);
        let call = this.call.take();
        Poll::Ready(match answer {
            Ok(response) => {
                let rest = call.and_then(|call| call.answered(&response));
                Ok(response.map(|body| ResponseBody::new(body, rest)))
            }
            Err(error) => {
                if let Some(call) = call {
                    call.failed(ErrorType::of(C::cause(&error)));
                }
                Err(error)
            }
        })
    }
}

/// Ends a call while a panic of its client passes by; later it would look like
/// one that was given up.
struct EndsInPanic<'a>(&'a mut Option<Call>);

impl Drop for EndsInPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.0.take());
        }
    }
}
