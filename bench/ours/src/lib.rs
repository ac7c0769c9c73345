//! What Plimsoll costs per request, and what measures it.
//!
//! A *stack* is an axum service with something around the same handler. A child
//! process [`run`](child)s one stack; the parent [`measure`]s it: instructions
//! by callgrind, allocations by a counting allocator, time by the clock. The
//! peers' stacks are in the workspace above; this crate has ours and the
//! [`budget`] of their counts.

pub mod budget;
pub mod child;
pub mod counting;
pub mod measure;
pub mod probed;
pub mod rows;
pub mod stack;
pub mod stacks;
pub mod valgrind;
pub mod workload;
mod wrapped;

/// Why a measure could not be taken.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
