use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::future::{Call, ResponseFuture};
use super::layer::Shared;
use super::{Cloned, PacingError, Replay, ResponseBody};

/// A client whose calls keep to what the servers say; see the [module](super).
pub struct Pacing<S, R = Cloned> {
    inner: S,
    shared: Arc<Shared>,
    replay: R,
}

impl<S, R> Pacing<S, R> {
    pub(super) fn new(inner: S, shared: Arc<Shared>, replay: R) -> Self {
        Self {
            inner,
            shared,
            replay,
        }
    }

    /// The client within.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S: Clone, R: Clone> Clone for Pacing<S, R> {
    fn clone(&self) -> Self {
        Self::new(
            self.inner.clone(),
            Arc::clone(&self.shared),
            self.replay.clone(),
        )
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Pacing<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacing")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, R, Q, B> Service<Request<Q>> for Pacing<S, R>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    R: Replay<Q> + Clone + Send + 'static,
    Q: Send + 'static,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<ResponseBody<B>>;
    type Error = PacingError<S::Error>;
    type Future = ResponseFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(PacingError::Inner)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        // The clone may not be ready; the one that was asked is.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        let call = Call::new(Arc::clone(&self.shared), &request);
        ResponseFuture::new(call.run(ready, self.replay.clone(), request))
    }
}
