//! Where the one word of each key is kept.

mod call;
mod identity;
mod leased;
mod local;
#[cfg(test)]
mod local_tests;
#[cfg(feature = "redis")]
mod redis;

pub use call::{Call, Calling, Kind, Store, StoreError, StoreStats, Told, Want};
pub use identity::{Id, Identity};
pub use leased::{Lease, Leases, Paid, Spend};
pub use local::Local;
#[cfg(feature = "redis")]
pub use redis::{DEADLINE, MAX_BATCH, PATIENCE, Redis, RedisUrlError};
