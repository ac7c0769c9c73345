//! One catalog of error codes and one shape for every failure.
//!
//! | item | what it is |
//! |---|---|
//! | [`catalog!`] | declares the codes of a service; the compiler holds the rules |
//! | [`Code`] | one way to fail: status, blame, retry, texts in three voices |
//! | [`PlmCode`] | the built-in catalog: what Plimsoll and axum produce |
//! | [`trait@Coded`], [`Fault`] | from a Rust error to a coded answer; `#[derive(Coded)]` |
//! | [`Public`], [`PublicText`], [`public!`] | what may stand in an answer; the compiler refuses the rest |
//! | [`Problem`] | the wire form: RFC 9457, `application/problem+json` |
//! | [`ErrorsLayer`] | catches panics, shapes failures, notes codes on the record |
//! | [`mod@reference`] | what a client quotes on the phone, with a check character |
//! | [`lock`] | what was published and may never change: `errors.lock` |
//! | [`Catalog`], [`explain()`] | catalogs joined for people and tools: `errors.json` |
//!
//! With the feature `axum` (on by default) axum's own failures take the shape,
//! `Fault` is a response, and `Catalog::router` serves the pages that `type`
//! points to. Without it the layer fits any tower service over HTTP.

mod answer;
pub mod catalog;
mod code;
mod fault;
mod foreign;
mod grpc;
mod json;
pub mod layer;
mod plm;
pub mod problem;
mod public;
pub mod reference;
#[cfg(feature = "axum")]
mod rejection;
#[cfg(feature = "axum")]
mod respond;
mod types;

pub use catalog::{Advice, Catalog, CatalogError, Entry, ExplainError, Found, explain};
pub use code::{Code, Retry};
pub use fault::{Coded, Fault, FieldFault};
pub use grpc::Grpc;
pub use layer::{Errors, ErrorsLayer, Passthrough, Shape};
pub use plimsoll_errors_lock as lock;
pub use plimsoll_errors_macros::Coded;
pub use plm::PlmCode;
pub use problem::Problem;
pub use public::{Public, PublicText};
pub use types::{Types, UnknownTypes};

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
