//! Requests in flight, and the way to none.
//!
//! The gate counts each request from call to the end of its body. While the
//! service drains, answers on HTTP/1 ask the client to close the connection;
//! past the drain's deadline new requests are refused with 503 and
//! [`plimsoll_core::Refusal::Draining`]. In mode `observe` both are only
//! counted.
//!
//! ```
//! use std::time::Duration;
//! use http::{Request, Response};
//! use plimsoll_core::Clock;
//! use plimsoll_health::{Drain, DrainLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let drain = Drain::new(Clock::system());
//! let handler = service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(String::from("card")))
//! });
//! let service = DrainLayer::new(drain.clone()).layer(handler);
//!
//! drain.begin(Duration::from_secs(23));
//! let answer = service.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(answer.headers()["connection"], "close");
//! assert_eq!(drain.in_flight(), 1);
//! drop(answer);
//! drain.idle().await;
//! # });
//! ```

mod gate;
mod layer;
mod state;
#[cfg(test)]
mod tests;

pub use gate::{DrainGate, Pass};
pub use layer::DrainLayer;
pub use state::Drain;
