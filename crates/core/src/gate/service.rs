use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{Gate, Refused, ResponseFuture};

/// A service behind a [`Gate`]. Readiness is the inner service's own.
#[derive(Debug)]
pub struct Gated<S, G> {
    inner: S,
    gate: Arc<G>,
}

impl<S, G> Gated<S, G> {
    /// The gate in front of `inner`.
    pub fn new(inner: S, gate: G) -> Self {
        Self {
            inner,
            gate: Arc::new(gate),
        }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone, G> Clone for Gated<S, G> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            gate: Arc::clone(&self.gate),
        }
    }
}

impl<S, G, Q, B> Service<Request<Q>> for Gated<S, G>
where
    S: Service<Request<Q>, Response = Response<B>>,
    G: Gate,
    B: Default,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, G, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let gate = Arc::clone(&self.gate);
        match gate.admit(&mut request) {
            Ok(pass) => ResponseFuture::admitted(self.inner.call(request), gate, pass),
            Err(Refused { refusal, pass }) => ResponseFuture::refused(refusal, gate, pass),
        }
    }
}
