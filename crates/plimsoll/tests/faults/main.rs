//! Faults and what the probes say of them: which one changes, and how fast.
//!
//! `PLIMSOLL_SOAK_BLOCK_SECONDS` says for how long a worker is blocked (4).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test: a failure is the answer"
)]

mod clock;
mod database;
mod own;
mod postgres;
mod service;
