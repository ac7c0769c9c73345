//! How long a response head may take.
//!
//! When the time is over the inner future is dropped and the request answered
//! with 504 and [`plimsoll_core::Refusal::Timeout`]; the error type stays the
//! inner service's. The time begins when the inner future first has to wait:
//! a request that answers at once arms no timer. The body is not limited. A
//! request whose record has the deadline of a trusted caller is cut at that, if
//! it comes first.
//!
//! ```
//! use std::time::Duration;
//! use http::{Request, Response};
//! use plimsoll_ratelimit::TimeoutLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let handler = service_fn(async |_: Request<()>| {
//!     std::future::pending::<()>().await;
//!     Ok::<_, std::convert::Infallible>(Response::new(String::from("card")))
//! });
//! let service = TimeoutLayer::new(Duration::from_millis(5)).layer(handler);
//! let late = service.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(late.status(), 504);
//! # });
//! ```

mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use future::ResponseFuture;
pub use layer::{DEFAULT_LIMIT, TimeoutLayer};
pub use service::Timeout;
