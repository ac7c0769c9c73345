//! The life of a server as a process: what signals do to what is under way.
#![expect(clippy::unwrap_used, reason = "a test: a failure is the answer")]

mod blocked;
mod connections;
mod draining;
mod ending;
mod globals;
mod load;
mod service;
