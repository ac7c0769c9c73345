//! Exact rate limits, a concurrency limit and a timeout, as tower layers that
//! decide in `call` and never wait.
//!
//! | module | holds |
//! |---|---|
//! | [`quota`] | what is allowed: a rate and a burst |
//! | [`gcra`] | the arithmetic, in whole nanoseconds |
//! | [`store`] | where the one word of each key is kept |
//! | [`limit`] | one limit: whom it counts, by which quota, under which name |
//! | [`plans`] | quotas by key, which can change while the service runs |
//! | [`limiter`] | several limits decided together, all or nothing |
//! | [`findings`] | misconfigurations that a limiter finds, each with its code |
//! | [`answers`] | how a limiter answers: form, spread of waits, partition keys |
//! | [`headers`] | the `RateLimit` and `RateLimit-Policy` fields, and older forms |
//! | [`layer`] | the rate limits around a service |
//! | [`concurrency`] | how many requests may be in flight |
//! | `client` | the caller's half, with the feature of that name |
//! | [`overload`] | how critical requests are, and what gives way when there is too much to do |
//! | [`timeout`] | how long a response head may take |
//!
//! ```
//! use plimsoll_core::{Clock, peer::Trust};
//! use plimsoll_ratelimit::{Limit, Limiter, Quota, RateLimitLayer};
//!
//! let limit = Limit::per_client().quota(Quota::per_second(100).burst(200));
//! let limiter = Limiter::new([limit], Clock::system(), Trust::nobody())?;
//! let layer = RateLimitLayer::new(limiter);
//! # let _ = layer;
//! # Ok::<(), plimsoll_ratelimit::LimitError>(())
//! ```

pub mod answers;
#[cfg(feature = "client")]
pub mod client;
pub mod concurrency;
pub mod findings;
pub mod gcra;
pub mod headers;
pub mod layer;
pub mod limit;
pub mod limiter;
pub mod overload;
pub mod plans;
pub mod quota;
pub mod shared;
pub mod store;
mod sync;
pub mod timeout;

pub use answers::Answers;
#[cfg(feature = "client")]
pub use client::{Pacing, PacingLayer};
pub use concurrency::{ConcurrencyLayer, ConcurrencyLimit};
pub use findings::Finding;
pub use layer::{LimitGate, RateLimitLayer};
pub use limit::{Key, Limit, LimitError, Unit};
pub use limiter::{Limiter, PolicyReport};
pub use overload::{Overload, OverloadError};
pub use plans::{PlanError, PlanTable, Plans};
pub use quota::{Quota, QuotaError};
pub use shared::{Outage, SharedLayer, SharedLimiter};
pub use store::Lease;
pub use timeout::TimeoutLayer;
