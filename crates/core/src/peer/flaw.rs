//! What a walk through forwarding headers met that it should not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One kind of surprise; each points at a proxy or a setting, not at a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// A trusted peer sent the configured header and another one that tells of
    /// clients too; the other was ignored.
    OtherHeader,
    /// Fewer entries than hops were configured; the peer was taken for the client.
    TooFewHops,
    /// An entry that is no address; the last one known for sure was taken.
    UnreadableHop,
    /// Every entry is a trusted proxy, so a proxy was taken for the client.
    AllTrusted,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 4] = [
        Self::OtherHeader,
        Self::TooFewHops,
        Self::UnreadableHop,
        Self::AllTrusted,
    ];
}

/// How often each flaw was met; clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Flaws(Arc<[AtomicU64; Flaw::ALL.len()]>);

impl Flaws {
    pub(super) fn count(&self, flaw: Flaw) {
        self.0[flaw as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often this one was met.
    pub fn of(&self, flaw: Flaw) -> u64 {
        self.0[flaw as usize].load(Ordering::Relaxed)
    }
}
