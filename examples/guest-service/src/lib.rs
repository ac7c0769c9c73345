//! An ordinary axum service with telemetry of its own, before and after it takes Plimsoll in as a guest.
//!
//! | module | holds |
//! |---|---|
//! | [`before`], [`after`] | the same service; the difference is all that adopting takes |
//! | [`telemetry`] | its JSON log, its metrics recorder, its OpenTelemetry tracer |
//! | [`observe`] | its own middleware: a span, a log line and metrics for each request |
//! | [`orders`] | its routes and the JSON of its errors |
//!
//! The tests send the same requests to both and find that after adopting no log
//! field, no series, no span and no byte of its own answers is missing, and that
//! any one part of Plimsoll is dropped by one line.

pub mod after;
pub mod before;
pub mod observe;
pub mod orders;
pub mod telemetry;
