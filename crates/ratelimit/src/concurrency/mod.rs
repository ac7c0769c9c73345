//! How many requests may be in flight.
//!
//! The permit is taken in `call`, never in `poll_ready`, so that an idle
//! connection holds none; and it is held to the end of the response body: by
//! the current record, or without one by the body. Without a permit the request
//! is answered at once with 503 and [`plimsoll_core::Refusal::Concurrency`];
//! nobody queues. With an [`crate::Overload`] less critical requests have a
//! share of the permits only.
//!
//! ```
//! use http::{Request, Response};
//! use plimsoll_ratelimit::{ConcurrencyLayer, ConcurrencyLimit};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let limit = ConcurrencyLimit::new(1);
//! let handler = service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(String::from("card")))
//! });
//! let service = ConcurrencyLayer::new(limit.clone()).layer(handler);
//!
//! let first = service.clone().oneshot(Request::new(())).await.unwrap();
//! assert_eq!(limit.in_use(), 1);
//! assert_eq!(service.oneshot(Request::new(())).await.unwrap().status(), 503);
//! drop(first);
//! assert_eq!(limit.in_use(), 0);
//! # });
//! ```

mod gate;
mod layer;
mod limit;
#[cfg(test)]
mod tests;

pub use gate::ConcurrencyGate;
pub use layer::ConcurrencyLayer;
pub use limit::{ConcurrencyLimit, DEFAULT_MAX};
