use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use plimsoll_core::body::grpc_status;

use super::call::Call;
use super::error::ErrorType;

pin_project! {
    /// The body of a response: as it was, and with the status of a gRPC call
    /// read from its trailers.
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn new(inner: B, call: Option<Call>) -> Self {
        // Nobody polls a body that is at its end.
        let call = match call {
            Some(call) if inner.is_end_stream() => {
                call.ended(None);
                None
            }
            call => call,
        };
        Self { inner, call }
    }
}

impl<B> ResponseBody<B> {
    /// The body within. A gRPC call under way is counted as cancelled.
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B: fmt::Debug> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResponseBody").field(&self.inner).finish()
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = ready!(this.inner.as_mut().poll_frame(context));
        if this.call.is_some() {
            let trailers = match &polled {
                Some(Ok(frame)) => frame.trailers_ref(),
                Some(Err(_)) | None => None,
            };
            let status = trailers.and_then(grpc_status);
            let over = trailers.is_some() || polled.is_none() || this.inner.is_end_stream();
            let failed = matches!(polled, Some(Err(_)));
            if let Some(call) = (over || failed).then(|| this.call.take()).flatten() {
                if failed {
                    call.failed(ErrorType::Body);
                } else {
                    call.ended(status);
                }
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
