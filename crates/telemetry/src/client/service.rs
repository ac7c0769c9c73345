use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::call::Call;
use super::error::{Cause, Typed};
use super::layer::Shared;
use super::{ResponseBody, ResponseFuture};

/// A client whose calls are observed; see [`crate::client`].
pub struct Client<S, C = Typed> {
    inner: S,
    shared: Arc<Shared>,
    kind: PhantomData<fn() -> C>,
}

impl<S, C> Client<S, C> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self {
            inner,
            shared,
            kind: PhantomData,
        }
    }

    /// The client within.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S: Clone, C> Clone for Client<S, C> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.shared))
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Client<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, C, Q, B> Service<Request<Q>> for Client<S, C>
where
    S: Service<Request<Q>, Response = Response<B>>,
    C: Cause<S::Error>,
    B: Body,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let call = Call::begin(&self.shared, &mut request);
        ResponseFuture::new(self.inner.call(request), call)
    }
}
