//! A body that keeps a permit to its end, for parts used without a record.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::current;
use crate::permit::Permit;

pin_project! {
    /// A response body that may hold a [`Permit`] until its end, an error or
    /// its drop. It changes nothing that the inner body says.
    #[derive(Debug)]
    pub struct HeldBody<B> {
        #[pin]
        inner: B,
        permit: Option<Permit>,
    }
}

impl<B> HeldBody<B> {
    /// `inner` with what it holds; `None` when a record holds the permit or
    /// there is none.
    pub const fn new(inner: B, permit: Option<Permit>) -> Self {
        Self { inner, permit }
    }
}

impl<B: Default> Default for HeldBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: Body> Body for HeldBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(context));
        let goes_on = matches!(&frame, Some(Ok(frame)) if frame.is_data());
        if !goes_on || this.inner.is_end_stream() {
            *this.permit = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Gives the permit to the current record; without one it comes back, to be
/// put into a [`HeldBody`].
pub fn to_record(permit: Permit) -> Option<Permit> {
    let mut permit = Some(permit);
    current::with(|record| {
        if let Some(permit) = permit.take() {
            record.hold(permit);
        }
    });
    permit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permit::Release;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Released(AtomicUsize);

    impl Release for Released {
        fn release(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn the_permit_goes_back_with_the_last_frame_or_with_the_body() {
        let released = Arc::new(Released::default());
        let body = || {
            let permit = Permit::new(Arc::clone(&released) as _);
            HeldBody::new(Full::new(Bytes::from("abc")), Some(permit))
        };
        let mut read = body();
        assert_eq!(read.size_hint().exact(), Some(3));
        let _ = read.frame().await;
        assert_eq!(released.0.load(Ordering::Relaxed), 1);
        drop(read);
        drop(body());
        assert_eq!(released.0.load(Ordering::Relaxed), 2);
    }
}
