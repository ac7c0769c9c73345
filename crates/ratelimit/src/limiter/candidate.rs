//! A quota that is tried beside the live one, and whom it would treat otherwise.

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_core::Clock;

use super::refused::Refused;
use super::subject::Found;
use crate::gcra::Gcra;
use crate::quota::Quota;
use crate::store::Local;

/// How a candidate and the live quota agree on requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// Both let it pass.
    BothAllow,
    /// Both refuse it.
    BothDeny,
    /// The candidate would refuse what passes now.
    NewlyDenied,
    /// The candidate would let pass what is refused now.
    NewlyFreed,
}

impl Agreement {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::BothAllow,
        Self::BothDeny,
        Self::NewlyDenied,
        Self::NewlyFreed,
    ];

    /// The word used in labels and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BothAllow => "both_allow",
            Self::BothDeny => "both_deny",
            Self::NewlyDenied => "newly_denied",
            Self::NewlyFreed => "newly_freed",
        }
    }
}

/// A candidate with its own state: it refuses by what it would have let pass.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) quota: Quota,
    gcra: Gcra,
    store: Local,
    counts: [AtomicU64; Agreement::ALL.len()],
    /// Who would be refused that passes now.
    pub(super) newly_denied: Refused,
}

impl Candidate {
    pub(super) fn new(quota: Quota, gcra: Gcra, max_keys: usize, clock: Clock) -> Self {
        Self {
            quota,
            gcra,
            store: Local::new(max_keys, clock),
            counts: Default::default(),
            newly_denied: Refused::default(),
        }
    }

    pub(super) fn weigh(&self, found: &Found, now: u64, passes_now: bool) {
        // A key with a plan keeps its plan, whatever the limit's quota becomes.
        if found.plan.is_some() {
            return;
        }
        let decision = self.store.decide(found.id, self.gcra, found.cost, now);
        let agreement = match (passes_now, decision.allows()) {
            (true, true) => Agreement::BothAllow,
            (false, false) => Agreement::BothDeny,
            (true, false) => Agreement::NewlyDenied,
            (false, true) => Agreement::NewlyFreed,
        };
        if agreement == Agreement::NewlyDenied {
            self.newly_denied.note(found);
        }
        self.counts[agreement as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> [(&'static str, u64); Agreement::ALL.len()] {
        Agreement::ALL.map(|it| {
            (
                it.as_str(),
                self.counts[it as usize].load(Ordering::Relaxed),
            )
        })
    }
}
