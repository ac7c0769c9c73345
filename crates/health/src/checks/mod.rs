//! Checks of what services usually depend on, ready to be given to
//! [`HealthBuilder::readiness`](crate::HealthBuilder::readiness).
//!
//! | check | passes while |
//! |---|---|
//! | [`tcp`] | a connection can be made |
//! | [`redis`] | Redis answers a `PING` |
//! | [`file()`] | a file is still the one that it was |
//! | [`memory`] | the process is far enough from its cgroup's limit |
//! | [`certificate`] | certificates are valid for long enough |
//! | [`at_most`] | a number, such as a queue's lag, is not too high |
//! | `disk` (feature `disk`) | a file system has enough space left |
//! | `http` (feature `reqwest`) | an HTTP dependency answers well |
//! | `postgres` (feature `postgres`) | a pool's PostgreSQL answers a query |
//! | `sqlite` (feature `sqlite`) | a pool's SQLite reads its file, and the file is still there |
//!
//! Each is a [`Check`](crate::Check) like any other: say how often it runs, whether it is
//! optional, which routes need it. What their reasons say is for operators only.
//!
//! ```
//! use std::time::Duration;
//! use plimsoll_health::{Health, checks};
//!
//! let health = Health::builder()
//!     .readiness(checks::tcp("bank", "bank.internal:7001"))
//!     .readiness(checks::memory("memory", 0.95).every(Duration::from_secs(10)).optional())
//!     .readiness(checks::at_most("orders-lag", 10_000, || 12).needed_by(["/v1/orders"]))
//!     .build()?;
//! # let _ = health;
//! # Ok::<(), plimsoll_health::HealthError>(())
//! ```

mod certificate;
mod der;
#[cfg(feature = "disk")]
mod disk;
mod file;
#[cfg(feature = "reqwest")]
mod http;
mod memory;
mod number;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod pool;
mod redis;
mod seldom;
mod tcp;

pub use certificate::certificate;
#[cfg(feature = "disk")]
pub use disk::disk;
pub use file::file;
#[cfg(feature = "reqwest")]
pub use http::http;
pub use memory::memory;
pub use number::at_most;
#[cfg(feature = "postgres")]
pub use pool::postgres;
#[cfg(feature = "sqlite")]
pub use pool::sqlite;
pub use redis::{Login, redis};
pub use tcp::tcp;

#[cfg(test)]
use crate::check::Check;

/// Runs a check once, as its task would.
#[cfg(test)]
async fn ask(check: &Check) -> Result<(), String> {
    (check.ask)().await
}
