//! How cells are leased.

use std::time::Duration;

use crate::gcra::Gcra;

/// How long cells may be held, and how many; see [`crate::Limit::leased`].
///
/// ```
/// use std::time::Duration;
/// use plimsoll_ratelimit::{Lease, Quota};
///
/// let lease = Lease::lasting(Duration::from_secs(1)).at_most(10);
/// let gcra = Quota::per_second(100).check()?;
/// // Three processes hold at most 30 cells at a time.
/// assert_eq!(lease.overshoot(gcra, 3), 30);
/// # Ok::<(), plimsoll_ratelimit::QuotaError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    ttl: Duration,
    most: u32,
}

impl Lease {
    /// Cells expire so long after they were asked for.
    pub const fn lasting(ttl: Duration) -> Self {
        Self {
            ttl,
            most: u32::MAX,
        }
    }

    /// Most cells that a process holds of a key. Without it they are half of
    /// what the burst gives each process.
    #[must_use]
    pub const fn at_most(mut self, cells: u32) -> Self {
        self.most = cells;
        self
    }

    /// The time to live.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    pub(super) const fn ttl_nanos(&self) -> u64 {
        self.ttl.as_nanos() as u64
    }

    /// Most cells that one of `nodes` processes holds of a key; at least 1.
    pub fn most(&self, gcra: Gcra, nodes: u32) -> u32 {
        let share = gcra.burst() / nodes.max(1).saturating_mul(2);
        self.most.min(share).max(1)
    }

    /// By how many cells more than the quota says `nodes` processes may admit in
    /// any stretch of time: min(⌈ttl / T⌉, nodes × most).
    pub fn overshoot(&self, gcra: Gcra, nodes: u32) -> u64 {
        self.by_time(gcra)
            .min(u64::from(nodes.max(1)) * u64::from(self.most(gcra, nodes)))
    }

    pub(crate) const fn by_time(&self, gcra: Gcra) -> u64 {
        self.ttl_nanos().div_ceil(gcra.interval())
    }

    pub(crate) const fn is_good(&self) -> bool {
        self.most > 0 && !self.ttl.is_zero() && self.ttl.as_secs() <= 3_600
    }
}
