use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};

use super::code::{Code, STATUS};
use super::watch::Watch;

/// The body of an answer of [`super::GrpcHealth`].
pub struct GrpcBody(Kind);

enum Kind {
    /// The message, then trailers, then nothing.
    One(Option<Bytes>, bool),
    /// Nothing: the head has the status.
    Empty,
    Watch(Next),
}

/// The next message of a stream; without one it is over.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Watch)>> + Send>>;

impl GrpcBody {
    pub(super) fn one(message: Bytes) -> Self {
        Self(Kind::One(Some(message), true))
    }

    pub(super) const fn empty() -> Self {
        Self(Kind::Empty)
    }

    pub(super) fn watch(watch: Watch) -> Self {
        Self(Kind::Watch(Box::pin(watch.next())))
    }
}

impl Body for GrpcBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match &mut self.0 {
            Kind::Empty => return Poll::Ready(None),
            Kind::One(message, open) => match message.take() {
                Some(message) => Frame::data(message),
                None if std::mem::take(open) => trailers(Code::Ok),
                None => return Poll::Ready(None),
            },
            Kind::Watch(next) => {
                if let Some((message, watch)) = ready!(next.as_mut().poll(context)) {
                    *next = Box::pin(watch.next());
                    Frame::data(message)
                } else {
                    self.0 = Kind::Empty;
                    // Clients ask again, with a back-off, and find another instance.
                    trailers(Code::Unavailable)
                }
            }
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

fn trailers(code: Code) -> Frame<Bytes> {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(STATUS, HeaderValue::from(code as u16));
    Frame::trailers(trailers)
}

impl std::fmt::Debug for GrpcBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrpcBody").finish_non_exhaustive()
    }
}
