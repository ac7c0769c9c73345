//! Where the one word of each key is kept.

mod call;
mod local;
#[cfg(feature = "redis")]
mod redis;

pub use call::{Call, Calling, Kind, Store, StoreError, StoreStats, Told, Want};
pub use local::{Cell, Id, Local};
#[cfg(feature = "redis")]
pub use redis::{DEADLINE, MAX_BATCH, PATIENCE, Redis, RedisUrlError};
