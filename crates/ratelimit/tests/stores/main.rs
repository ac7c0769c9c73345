//! Every store, by one suite; and what each promises beyond it.
#![expect(clippy::unwrap_used, reason = "a test that fails")]

mod model;
#[cfg(feature = "redis")]
mod redis;
mod suite;
