//! Double entry for every signal: produced = delivered + dropped + pending.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why something a signal produced did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The bounded queue was full.
    QueueFull,
    /// The sink refused it or could not be reached.
    ExportFailed,
    /// The output could not be written.
    WriteFailed,
    /// Shutdown ended before it was delivered.
    Shutdown,
    /// More than the bound on how much may be sent, ours or the sink's.
    RateLimited,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::QueueFull,
        Self::ExportFailed,
        Self::WriteFailed,
        Self::Shutdown,
        Self::RateLimited,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::ExportFailed => "export_failed",
            Self::WriteFailed => "write_failed",
            Self::Shutdown => "shutdown",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// The counts of one signal. Each term is counted where it happens; none is
/// computed from the others.
#[derive(Debug, Default)]
pub struct Ledger {
    produced: AtomicU64,
    delivered: AtomicU64,
    dropped: [AtomicU64; Reason::ALL.len()],
}

impl Ledger {
    /// Something was made.
    pub fn produce(&self, count: u64) {
        self.produced.fetch_add(count, Ordering::Relaxed);
    }

    /// The sink took it.
    pub fn deliver(&self, count: u64) {
        self.delivered.fetch_add(count, Ordering::Relaxed);
    }

    /// It was lost.
    pub fn drop_for(&self, reason: Reason, count: u64) {
        self.dropped[reason as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// The counts now, with what the queue holds.
    pub fn balance(&self, pending: u64) -> Balance {
        Balance {
            produced: self.produced.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
            dropped: Reason::ALL
                .map(|reason| self.dropped[reason as usize].load(Ordering::Relaxed)),
            pending,
        }
    }
}

/// A ledger read at one moment; it balances when nothing is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Made.
    pub produced: u64,
    /// Taken by the sink.
    pub delivered: u64,
    /// Lost, in the order of [`Reason::ALL`].
    pub dropped: [u64; Reason::ALL.len()],
    /// Still held.
    pub pending: u64,
}

impl Balance {
    /// Everything lost.
    pub fn lost(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// What was lost by a fault: what a bound on rates keeps back is not.
    pub fn lost_by_fault(&self) -> u64 {
        self.lost() - self.dropped[Reason::RateLimited as usize]
    }

    /// What was made beyond all that is accounted for; 0 at rest.
    pub fn surplus(&self) -> i128 {
        let accounted = self.delivered + self.lost() + self.pending;
        i128::from(self.produced) - i128::from(accounted)
    }

    /// Whether every item is accounted for.
    pub fn holds(&self) -> bool {
        self.surplus() == 0
    }
}

/// Reasons in the order in which a [`Balance`] holds them, for reports.
pub(crate) fn reasons() -> impl Iterator<Item = (usize, Reason)> {
    Reason::ALL.into_iter().enumerate()
}
