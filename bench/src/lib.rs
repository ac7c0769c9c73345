//! Plimsoll and its peers side by side: what each adds to a request.
//!
//! The stacks that need no peer, and the measuring of instructions and
//! allocations, are in `plimsoll-bench-ours`; here are the peers, and what is
//! measured of all of them from one binary in one run.

pub mod latency;
pub mod limiter;
pub mod measures;
pub mod peers;
pub mod progress;
pub mod redis;
pub mod results;
pub mod table;
pub mod throughput;

use plimsoll_bench_ours::stack::Stack;
use plimsoll_bench_ours::stacks::STACKS;

/// Every stack: ours and the peers'.
pub fn stacks() -> Vec<Stack> {
    [STACKS, peers::STACKS].concat()
}
