//! What the local store is made of. Its model (`tests/model.rs`) puts loom's
//! parts and smaller places here.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Mutex, PoisonError};

/// Slots of a place.
pub(crate) const PLACE: usize = 8;
