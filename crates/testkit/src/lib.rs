//! What tests of Plimsoll and its users share: scripted bodies, captured
//! signals, real servers.
//!
//! Everything listens on the loopback, on a port the system picks; everything
//! waits for a condition until a deadline and fails with what it saw.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

pub mod body;
pub mod capture;
pub mod http;
pub mod otlp;
pub mod page;
pub mod probes;
pub mod process;
pub mod proxy;
mod receiver;
pub mod redis;
pub mod sentry;
pub mod signals;
pub mod suite;
pub mod wait;
