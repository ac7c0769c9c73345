//! A part that decides at the call whether a request passes, and adds to its
//! answer: one service and one future for all of them, alone or in a [`Chain`].

mod chain;
mod future;
mod service;
#[cfg(test)]
mod tests;

use http::{Request, Response};

use crate::refusal::Refusal;

pub use chain::Chain;
pub use future::ResponseFuture;
pub use service::Gated;

/// Lets requests pass or refuses them, without waiting.
///
/// ```
/// use http::{Request, Response};
/// use plimsoll_core::Refusal;
/// use plimsoll_core::gate::{Gate, Gated, Refused};
/// use tower::{ServiceExt, service_fn};
///
/// /// Nobody passes.
/// struct Closed;
///
/// impl Gate for Closed {
///     type Pass = ();
///     fn admit<B>(&self, _: &mut Request<B>) -> Result<(), Refused<()>> {
///         Err(Refused { refusal: Refusal::Draining, pass: () })
///     }
///     fn answer<B>(&self, (): (), _: &mut Response<B>) {}
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let handler = service_fn(async |_: Request<()>| {
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// });
/// let answer = Gated::new(handler, Closed).oneshot(Request::new(())).await.unwrap();
/// assert_eq!(answer.status(), 503);
/// # });
/// ```
pub trait Gate {
    /// What a request takes along to its answer.
    type Pass;

    /// Decides a request. It is given back as it was.
    ///
    /// # Errors
    /// When the request is refused.
    fn admit<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Refused<Self::Pass>>;

    /// Adds to the answer, that of a refusal included.
    fn answer<B>(&self, pass: Self::Pass, response: &mut Response<B>);
}

/// A request that does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused<P> {
    /// Why.
    pub refusal: Refusal,
    /// For the refusal's own answer.
    pub pass: P,
}
