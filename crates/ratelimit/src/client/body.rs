use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

type Peeked<B> = VecDeque<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>;

pin_project! {
    /// The body of an answer as it came, those frames first that were looked at.
    pub struct ResponseBody<B: Body> {
        peeked: Peeked<B>,
        #[pin]
        inner: B,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn new(inner: B) -> Self {
        Self::peeked(VecDeque::new(), inner)
    }

    pub(super) fn peeked(peeked: Peeked<B>, inner: B) -> Self {
        Self { peeked, inner }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        match this.peeked.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => this.inner.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.peeked.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.inner.size_hint();
        let peeked = self.peeked.iter().flatten().filter_map(Frame::data_ref);
        let peeked = peeked.fold(0, |sum: u64, data| {
            sum.saturating_add(data.remaining() as u64)
        });
        let upper = hint.upper().and_then(|upper| upper.checked_add(peeked));
        let lower = hint.lower().saturating_add(peeked);
        hint = SizeHint::new();
        hint.set_lower(lower);
        if let Some(upper) = upper {
            hint.set_upper(upper.max(lower));
        }
        hint
    }
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
