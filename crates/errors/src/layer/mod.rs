//! The layer: catches panics, gives failures one shape, notes codes on the record.
//!
//! It stands right inside telemetry (so that telemetry sees the final status)
//! and outside everything that can fail. What takes the shape:
//!
//! | failure | found by |
//! |---|---|
//! | a [`Fault`](crate::Fault) that a handler returned | response extensions |
//! | a [`Refusal`](plimsoll_core::Refusal) of an inner layer | response extensions, body still empty |
//! | a panic in `call` or in the future | caught here; the message is only logged |
//! | a declared body over the limit | `Content-Length` |
//! | axum's 404 and 405 | no route matched; status, body and content type empty |
//! | axum's rejections | axum's own text for that status, whole |
//!
//! The last three are subject to [`Part::Shape`](plimsoll_core::Part): in `off`
//! and `observe` they pass as they are. Every other answer of the application
//! passes byte for byte and gets no code. A panic while the body is sent, and
//! what hyper answers by itself, cannot be shaped.
//!
//! Apply it by `Router::layer`, where it sees the matched route. Around a whole
//! router it cannot tell an empty 404 of a handler from axum's and shapes both.
//!
//! gRPC calls get the same failures as `grpc-status` in an HTTP 200.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use plimsoll_errors::ErrorsLayer;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # futures_util::future::FutureExt::now_or_never(async {
//! let service = ServiceBuilder::new()
//!     .layer(ErrorsLayer::new())
//!     .service(service_fn(async |_: Request<()>| -> Result<Response<Full<Bytes>>, std::io::Error> {
//!         panic!("a bug")
//!     }));
//! let response = service.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(response.status(), 500);
//! assert_eq!(response.headers()["content-type"], "application/problem+json");
//! # }).unwrap();
//! ```
//!
//! With a public base for `type`, an own limit and the modes of the service:
//!
//! ```
//! use plimsoll_core::{Mode, Part, Rollout};
//! use plimsoll_errors::ErrorsLayer;
//!
//! let rollout = Rollout::default();
//! rollout.set(Part::Shape, Mode::Observe);
//! let layer = ErrorsLayer::new()
//!     .base("https://api.example.test/errors")
//!     .body_limit(Some(64 * 1024))
//!     .rollout(rollout.clone());
//! # let _ = layer;
//! ```

mod body;
mod future;
#[expect(
    clippy::module_inception,
    reason = "the usual three files of a middleware"
)]
mod layer;
mod service;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub(crate) use layer::Style;
pub use layer::{BODY_LIMIT, ErrorsLayer, Mapper};
pub use service::Errors;
#[cfg(feature = "axum")]
pub(crate) use service::route;
