//! The facade over real sockets: every way a request can end, on axum, on plain
//! hyper and on tonic; modes; listeners; traces at a foreign collector.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: a failure is the answer"
)]

mod agreement;
mod balance;
#[cfg(feature = "sentry")]
mod canary;
mod client;
mod collector;
mod endings;
mod error_pages;
mod failures;
#[cfg(feature = "sentry")]
mod five;
mod flight;
mod grpc;
mod grpc_health;
mod healthcheck;
mod host;
mod hostile;
mod hyper;
mod levels;
mod limits;
mod lines;
mod listeners;
mod metrics;
mod modes;
mod need;
#[cfg(all(feature = "otlp-logs", feature = "otlp-metrics"))]
mod otlp;
mod overload;
mod pacing;
mod probes;
#[cfg(feature = "sentry")]
mod prometheus;
#[cfg(feature = "sentry")]
mod sentry;
mod shutdown;
mod support;
mod traces;
mod traps;
