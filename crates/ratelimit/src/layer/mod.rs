//! The rate limits around a service.
//!
//! Decides in `call`, before the inner service is asked, and never waits;
//! readiness is the inner service's own. A denied request is answered with 429,
//! `Retry-After` and a [`plimsoll_core::Refusal`] in the extensions, its body
//! left to an outer layer. Allowed and denied answers carry `RateLimit` and
//! `RateLimit-Policy`. In mode `observe` denials are only counted and no answer
//! changes; `off` does nothing.
//!
//! ```
//! use http::{Request, Response};
//! use plimsoll_core::{Clock, peer::{PeerAddr, Trust}};
//! use plimsoll_ratelimit::{Limit, Limiter, Quota, RateLimitLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let limit = Limit::per_client().quota(Quota::per_minute(1));
//! let limiter = Limiter::new([limit], Clock::system(), Trust::nobody())?;
//! let handler = service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(String::from("card")))
//! });
//! let service = RateLimitLayer::new(limiter).layer(handler);
//!
//! let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
//! let ask = || Request::builder().extension(peer).body(()).unwrap();
//! assert_eq!(service.clone().oneshot(ask()).await.unwrap().status(), 200);
//! let refused = service.oneshot(ask()).await.unwrap();
//! assert_eq!(refused.status(), 429);
//! assert_eq!(refused.headers()["retry-after"], "60");
//! # Ok::<(), plimsoll_ratelimit::LimitError>(())
//! # }).unwrap();
//! ```

mod gate;
#[expect(
    clippy::module_inception,
    reason = "every layer folder has the same files"
)]
mod layer;
mod older;
#[cfg(test)]
mod tests;

pub use gate::LimitGate;
pub(crate) use gate::{Fields, is_refusal};
pub use layer::RateLimitLayer;
