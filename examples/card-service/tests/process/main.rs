//! The real binary as a process: how it starts, what it shows, how it ends.
#![expect(clippy::unwrap_used, reason = "a test: a failure is the answer")]

mod client;
mod drain;
mod faults;
mod metrics;
mod overload;
mod pages;
mod rolling;
mod service;
mod sharing;
mod start;
