//! One tower layer that makes a service observable and bounded: structured
//! logs, traces, metrics, health checks, rate limits, overload protection and
//! error codes from one request record, on two listeners, with a drain that
//! loses no request.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use plimsoll::{Check, Limit, Plimsoll, Quota};
//!
//! async fn ping() -> Result<(), std::io::Error> {
//!     Ok(()) // ask the database
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), plimsoll::Error> {
//!     let plimsoll = Plimsoll::builder("card-service")
//!         .readiness(Check::new("database", ping))
//!         .limit(Limit::per_client().quota(Quota::per_second(100).burst(200)))
//!         .install()?;
//!     let app = Router::new()
//!         .route("/cards/{id}", get(|| async { "a card" }))
//!         .layer(plimsoll.layer());
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await.unwrap();
//!     plimsoll.serve(listener, app).await
//! }
//! ```
//!
//! Applied by `Router::layer` as the last call, it covers every route before it.
//! Each part alone is a tower layer of its own: see the crates `plimsoll-telemetry`,
//! `plimsoll-errors`, `plimsoll-health` and `plimsoll-ratelimit`.

mod builder;
mod collect;
mod effective;
mod error;
mod healthcheck;
mod layer;
mod limits;
mod listeners;
mod overload;
mod plimsoll;
mod runtime;
mod serve;

pub use builder::Builder;
pub use error::Error;
pub use healthcheck::Unhealthy;
pub use layer::{Bounded, Gates, PlimsollLayer, Stack};
pub use plimsoll::Plimsoll;
pub use serve::Step;

pub use http::Method;
pub use plimsoll_core::criticality::{Criticality, Shares, Trigger};
pub use plimsoll_core::current::carry;
pub use plimsoll_core::ids::Ids;
pub use plimsoll_core::peer::{Forwarding, PeerAddr, Trust};
pub use plimsoll_core::settings::{Effective, Fault};
pub use plimsoll_core::{Blame, Clock, Mode, Outcome, Part, Rollout, Slo};
pub use plimsoll_errors::catalog;
pub use plimsoll_health::{Budget, Check, Heartbeat, Latch, checks};
pub use plimsoll_ratelimit::client as pacing;
pub use plimsoll_ratelimit::{
    Answers, Key, Lease, Limit, Outage, Overload, PlanTable, Plans, Quota,
};
pub use plimsoll_telemetry::{ClientLayer, client, metrics};
pub use plimsoll_telemetry::{Format, LOG_LINE_SCHEMA, Ownership, Report, Route, Telemetry};

/// One catalog of error codes and one shape for every failure: the crate
/// `plimsoll-errors`.
pub mod errors {
    pub use plimsoll_errors::*;
    // The derive writes paths; this one begins where a user of the facade can follow.
    #[doc(inline)]
    pub use plimsoll_errors::__private::FacadeCoded as Coded;
}

/// What belongs to health beside [`Check`] and [`Heartbeat`]: the crate
/// `plimsoll-health`.
pub mod health {
    pub use plimsoll_health::face::grpc::{GrpcHealth, GrpcService};
    pub use plimsoll_health::{Call, Calls, Drain, Health, Stat, Status, Transition};
}

/// What belongs to rate limits beside [`Limit`] and [`Quota`]: the crate
/// `plimsoll-ratelimit`.
pub mod ratelimit {
    pub use plimsoll_ratelimit::answers::{Form, Jitter, Partition};
    pub use plimsoll_ratelimit::overload::{Pressure, Readings, Watch};
    pub use plimsoll_ratelimit::{Finding, Limiter, PlanError, RateLimitLayer, Unit};
}

/// The ids of the request being polled on this thread: for a host's own log
/// format, and for calls to other services.
pub fn current() -> Option<Ids> {
    plimsoll_core::current::ids()
}

/// The README's Rust blocks, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
