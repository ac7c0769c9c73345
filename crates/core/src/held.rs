//! A body that keeps a permit to its end, for parts used without a record.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::current;
use crate::permit::Permit;

pin_project! {
    /// A response body that may hold a [`Permit`] until its end, an error or
    /// its drop. It changes nothing that the inner body says.
    #[derive(Debug)]
    pub struct HeldBody<B> {
        #[pin]
        inner: B,
        permit: Option<Arc<Permit>>,
    }
}

impl<B> HeldBody<B> {
    const fn new(inner: B, permit: Option<Arc<Permit>>) -> Self {
        Self { inner, permit }
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

/// A permit on its way out, in a response's extensions; [`Hold`] moves it into
/// the body. Only made when there is no record to hold it.
#[derive(Debug, Clone)]
struct Held(Arc<Permit>);

/// Leaves a permit that no record took to the [`Hold`] around.
pub fn attach<B>(permit: Option<Permit>, response: &mut Response<B>) {
    if let Some(permit) = permit {
        response.extensions_mut().insert(Held(Arc::new(permit)));
    }
}

/// Puts what a part used alone holds into the body of its answers, where the
/// one body wrapper of a record is missing.
#[derive(Debug, Clone)]
pub struct Hold<S>(S);

impl<S> Hold<S> {
    /// Around a part that calls [`attach`].
    pub const fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S, Q, B> Service<Q> for Hold<S>
where
    S: Service<Q, Response = Response<B>>,
{
    type Response = Response<HeldBody<B>>;
    type Error = S::Error;
    type Future = HoldFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        HoldFuture {
            inner: self.0.call(request),
        }
    }
}

pin_project! {
    /// The answer of a [`Hold`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct HoldFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, B, E> Future for HoldFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<HeldBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.project().inner.poll(context));
        Poll::Ready(answer.map(|mut response| {
            let held = response.extensions_mut().remove::<Held>();
            response.map(|body| HeldBody::new(body, held.map(|held| held.0)))
        }))
    }
}

/// Gives the permit to the current record; without one it comes back, for [`attach`].
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
            HeldBody::new(Full::new(Bytes::from("abc")), Some(Arc::new(permit)))
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
