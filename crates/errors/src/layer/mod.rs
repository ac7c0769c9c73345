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
//! | with [`Shape::All`], a bare failure of any layer or handler | body empty or `text/plain` |
//!
//! The last four are subject to [`Part::Shape`](plimsoll_core::Part): in `off`
//! and `observe` they pass as they are. Every other answer of the application
//! passes byte for byte and gets no code.
//!
//! What cannot take the shape, and where it is counted:
//!
//! | failure | counted in |
//! |---|---|
//! | of a foreign layer, with [`Shape::All`]: a body of another type, or marked [`Passthrough`] | [`ErrorsLayer::counts`], `plimsoll_unshaped_total{reason}` |
//! | the body breaks off or panics: the head is gone | `plimsoll_requests_total`, outcome `body_error` or `panic`, codes PLM-5004 and PLM-5001 |
//! | hyper's own 400, 414 and 431: no request was made | `plimsoll_connection_errors_total{reason}` |
//!
//! A service that has an error format already keeps it by [`ErrorsLayer::mapper`]:
//!
//! ```
//! use bytes::Bytes;
//! use http::{Response, request};
//! use plimsoll_errors::{ErrorsLayer, Problem};
//!
//! fn old(problem: &Problem, request: &request::Parts) -> Option<Response<Bytes>> {
//!     if !request.uri.path().starts_with("/v1/") {
//!         return None; // ours
//!     }
//!     let body = format!(r#"{{"error":"{}"}}"#, problem.code.reason);
//!     let answer = Response::builder().status(problem.status);
//!     answer.header("content-type", "application/json").body(body.into()).ok()
//! }
//! let layer = ErrorsLayer::new().mapper(old);
//! # let _ = layer;
//! ```
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
mod counts;
mod future;
#[expect(
    clippy::module_inception,
    reason = "the usual three files of a middleware"
)]
mod layer;
mod service;
mod shape;

pub use body::ResponseBody;
pub use counts::Counts;
pub(crate) use counts::Unshaped;
pub use future::ResponseFuture;
pub(crate) use layer::Style;
pub use layer::{BODY_LIMIT, ErrorsLayer, Mapper};
pub use service::Errors;
#[cfg(feature = "axum")]
pub(crate) use service::route;
pub use shape::{Passthrough, Shape, UnknownShape};
