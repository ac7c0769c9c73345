//! Who decided, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Who decided about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The store.
    Store,
    /// This process, by what the store said last: the key has no cells yet.
    Known,
    /// This process, by cells that it holds.
    Lease,
    /// Nobody; the request passed ([`super::Outage::Open`]).
    Open,
    /// Nobody; the request was refused ([`super::Outage::Closed`]).
    Closed,
    /// This process, by its share ([`super::Outage::LocalShare`]).
    LocalShare,
    /// This process, by cells whose time is over ([`super::Outage::LastLease`]).
    LastLease,
}

impl Source {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Store,
        Self::Known,
        Self::Lease,
        Self::Open,
        Self::Closed,
        Self::LocalShare,
        Self::LastLease,
    ];

    /// The value of [`plimsoll_core::names::label::SOURCE`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Known => "known",
            Self::Lease => "lease",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::LocalShare => "local_share",
            Self::LastLease => "last_lease",
        }
    }
}

/// How often a policy's requests were decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceStat {
    /// Name of the limit.
    pub policy: &'static str,
    /// Who decided.
    pub source: Source,
    /// How often, since start.
    pub count: u64,
}

/// Counts of one policy.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; Source::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, source: Source) {
        self.0[source as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn of(&self, source: Source) -> u64 {
        self.0[source as usize].load(Ordering::Relaxed)
    }
}
