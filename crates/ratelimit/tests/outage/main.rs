//! What becomes of requests while the store of their limits is out of order: every
//! fault, every outage policy, real servers on a road that the test can bend.
#![cfg(feature = "redis")]
#![expect(clippy::unwrap_used, reason = "a test that fails")]

mod faults;
mod fleet;
mod herd;
mod load;
mod matrix;
