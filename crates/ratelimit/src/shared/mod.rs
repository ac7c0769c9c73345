//! Limits that several processes share, around a service.
//!
//! It stands behind the local limits: a request that they refuse asks nobody.
//! A request whose keys are known to be empty, or for which this process holds
//! cells, is decided at once; any other waits for the store, at most its
//! deadline (10 ms), and the inner service is called then. When the store gives
//! no answer each limit's [`Outage`] policy decides. The local limits give back
//! what a request took that is refused here, and these what one took that is
//! refused further inside: cells of a lease at once, those that the store counted
//! by a call of its own, for which no answer waits ([`Refunds`]).
//!
//! ```
//! use plimsoll_core::{Clock, peer::Trust};
//! use plimsoll_ratelimit::shared::{SharedLayer, SharedLimiter};
//! use plimsoll_ratelimit::{Limit, Outage, Quota};
//! # #[cfg(feature = "redis")] {
//! use plimsoll_ratelimit::store::Redis;
//!
//! let limit = Limit::per_client()
//!     .quota(Quota::per_hour(1_000))
//!     .outage(Outage::LocalShare);
//! let store = Redis::open("redis://127.0.0.1:6379")?;
//! let limiter = SharedLimiter::new([limit], store, Clock::system(), Trust::nobody())?;
//! let layer = SharedLayer::new(limiter);
//! # let _ = layer;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod counts;
mod debts;
mod future;
mod known;
mod layer;
mod limiter;
mod outage;
mod service;
mod taken;

pub use counts::{Source, SourceStat};
pub use future::ResponseFuture;
pub use layer::SharedLayer;
pub use limiter::{Bound, SharedLimiter};
pub use outage::Outage;
pub use service::SharedLimit;
pub use taken::Refunds;
