use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use plimsoll_core::{Permit, Release};

/// Requests in flight unless told otherwise.
pub const DEFAULT_MAX: usize = 1_024;

/// So many permits; clones share them.
///
/// ```
/// use plimsoll_ratelimit::ConcurrencyLimit;
///
/// let limit = ConcurrencyLimit::default();
/// assert_eq!((limit.in_use(), limit.max()), (0, 1_024));
/// let permit = limit.take();
/// assert_eq!(limit.in_use(), 1);
/// drop(permit);
/// assert_eq!(limit.in_use(), 0);
/// ```
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<State>);

#[derive(Debug)]
struct State {
    max: AtomicUsize,
    in_use: AtomicUsize,
    refused: AtomicU64,
}

impl ConcurrencyLimit {
    /// At most `max` requests in flight; with 0 every request is refused.
    pub fn new(max: usize) -> Self {
        Self(Arc::new(State {
            max: AtomicUsize::new(max),
            in_use: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// Takes a permit if one is free; otherwise counts the refusal.
    pub fn take(&self) -> Option<Permit> {
        let max = self.max();
        let more = |in_use| (in_use < max).then_some(in_use + 1);
        let taken = self
            .0
            .in_use
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        if taken.is_err() {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Permit::new(Arc::clone(&self.0) as _))
    }

    /// Takes a permit even if none is free: for a request that is let pass
    /// although the limit would refuse it.
    pub fn take_beyond(&self) -> Permit {
        self.0.in_use.fetch_add(1, Ordering::AcqRel);
        Permit::new(Arc::clone(&self.0) as _)
    }

    /// Changes the limit; permits already taken stay valid.
    pub fn set_max(&self, max: usize) {
        self.0.max.store(max, Ordering::Relaxed);
    }

    /// Permits there are.
    pub fn max(&self) -> usize {
        self.0.max.load(Ordering::Relaxed)
    }

    /// Permits that are taken.
    pub fn in_use(&self) -> usize {
        self.0.in_use.load(Ordering::Relaxed)
    }

    /// How often there was no permit, since start.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Default for ConcurrencyLimit {
    fn default() -> Self {
        Self::new(DEFAULT_MAX)
    }
}

impl Release for State {
    fn release(&self) {
        self.in_use.fetch_sub(1, Ordering::AcqRel);
    }
}
