//! One record per request and every signal made from it.
//!
//! [`Telemetry::layer`] makes a [`plimsoll_core::Record`] of each request and
//! finishes it exactly once: at the end of the body, at an error or a panic, or
//! when the client leaves. Log line, span, metrics and Sentry event are made
//! from that record and from nothing else.

mod builder;
pub mod client;
mod config;
mod error;
mod exports;
mod flight;
mod grpc_routes;
mod instance;
pub mod layer;
mod ledger;
mod logs;
pub mod metrics;
mod otlp;
mod outbox;
mod pool;
mod report;
mod rows;
mod runtime;
mod seen;
mod sentry;
mod slow;
mod telemetry;
mod traces;
mod trouble;

pub use builder::Builder;
pub use client::ClientLayer;
pub use config::{Ownership, UnknownOwnership, Warning};
pub use error::TelemetryError;
pub use exports::{Outlet, Queue};
pub use layer::ObserveLayer;
pub use ledger::{Balance, Ledger, Reason};
pub use logs::Format;
pub use logs::LOG_LINE_SCHEMA;
pub use logs::access::TARGET as ACCESS_TARGET;
pub use logs::filter::BadDirectives;
pub use logs::levels::{Change, Directives};
pub use plimsoll_core::Keep;
pub use report::{Report, Requests};
pub use runtime::LevelsNow;
pub use telemetry::{LAST_LINES, Telemetry};
pub use traces::OtlpError;

/// The route template of a service without a router: put it into the request's
/// extensions outside the layer. Only from a bounded set.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub &'static str);
