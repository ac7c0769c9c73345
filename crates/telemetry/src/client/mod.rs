//! The tower layer for calls to other services.
//!
//! [`crate::Telemetry::client`] makes it. It stands around any
//! `tower::Service<http::Request<_>>`: hyper-util's client, tonic's `Channel`,
//! reqwest's client (in `Reqwest`, feature `reqwest`).
//!
//! ```
//! use http::{Request, Response};
//! use plimsoll_telemetry::Telemetry;
//! use tower::{Layer as _, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let telemetry = Telemetry::builder("card-service").log_output(std::io::sink()).build()?;
//! // In place of a client that connects:
//! let client = service_fn(async |_: Request<String>| {
//!     Ok::<_, std::io::Error>(Response::new(String::from("a card")))
//! });
//! let client = telemetry.client().layer(client);
//! let request = Request::get("http://cards.internal/cards/7").body(String::new())?;
//! client.oneshot(request).await?;
//! assert!(telemetry.render().contains(r#"server_address="cards.internal""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! For a client that is reached by its address alone, with its own settings:
//!
//! ```
//! # let telemetry = plimsoll_telemetry::Telemetry::builder("s").log_output(std::io::sink()).build()?;
//! let layer = telemetry
//!     .client()
//!     .server("ledger.internal", 50_051)
//!     .forward_request_id_to(["ledger.internal", ".svc.cluster.local"]);
//! # let _ = layer;
//! # Ok::<(), plimsoll_telemetry::TelemetryError>(())
//! ```
//!
//! # What a call carries
//!
//! `traceparent` and `tracestate` of the active `opentelemetry::Context`, else of
//! the current request, and `baggage`. A header that the caller set stays. The
//! request id leaves only to hosts that were named for it.
//!
//! # What is measured
//!
//! A call ends when its response head is there, or its failure: the HTTP semantic
//! conventions ask a client's span not to wait for a body that the application
//! may never read. A gRPC call ends with its status, which stands in the trailers.
//! A call whose future or stream is dropped before is `cancelled`. The span (when
//! the trace is sampled), the histogram `http_client_request_duration_seconds` or
//! `rpc_client_duration_seconds` and the count on the current request's record are
//! made from the same facts. At most 50 servers are told apart in metrics.
//!
//! Inside Plimsoll's own exporters, and wherever OpenTelemetry's telemetry is
//! suppressed, the layer does nothing.

mod body;
mod call;
mod error;
mod future;
mod layer;
#[cfg(feature = "reqwest")]
mod reqwest;
pub(crate) mod series;
mod service;
mod slots;
mod target;
#[cfg(test)]
mod tests;

pub use body::ResponseBody;
pub use error::{Boxed, Cause, Typed};
pub use future::ResponseFuture;
pub use layer::ClientLayer;
pub use plimsoll_core::calls::Resend;
#[cfg(feature = "reqwest")]
pub use reqwest::Reqwest;
pub use service::Client;

/// The template of a call's URL, such as `/cards/{id}`: names its span. Put it
/// into the request's extensions. Only from a bounded set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlTemplate(pub &'static str);
