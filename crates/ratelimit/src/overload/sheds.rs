//! What was shed, counted by why and how critical it was.

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_core::{Criticality, Mode};

/// Why a request was shed. Closed: a label value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Every permit is taken.
    Concurrency,
    /// The permits that are left are kept for more critical requests.
    Reserve,
    /// The caller would be gone before the answer is ready.
    Deadline,
    /// Memory runs out, so that there are fewer permits for this level.
    Memory,
    /// The runtime doesn't keep up, so that there are fewer permits for this level.
    Runtime,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Concurrency,
        Self::Reserve,
        Self::Deadline,
        Self::Memory,
        Self::Runtime,
    ];

    /// The word used in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Concurrency => "concurrency",
            Self::Reserve => "reserve",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Runtime => "runtime",
        }
    }
}

/// One row of [`crate::ConcurrencyLimit::sheds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShedCount {
    /// Why.
    pub reason: Reason,
    /// How critical the requests were.
    pub criticality: Criticality,
    /// `observe` counts what would have been shed.
    pub mode: Mode,
    /// How many.
    pub count: u64,
}

const MODES: [Mode; 2] = [Mode::Observe, Mode::Enforce];

/// A count for every reason, level and mode.
#[derive(Debug, Default)]
pub(crate) struct Sheds([[[AtomicU64; 4]; Reason::ALL.len()]; 2]);

impl Sheds {
    pub(crate) fn count(&self, reason: Reason, level: Criticality, mode: Mode) {
        let of_mode = &self.0[usize::from(mode == Mode::Enforce)];
        of_mode[reason as usize][level as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The rows that are not zero, in a stable order.
    pub(crate) fn counts(&self) -> Vec<ShedCount> {
        let mut rows = Vec::new();
        for (mode, of_mode) in MODES.into_iter().zip(&self.0) {
            for (reason, of_reason) in Reason::ALL.into_iter().zip(of_mode) {
                for (criticality, count) in Criticality::ALL.into_iter().zip(of_reason) {
                    rows.push(ShedCount {
                        reason,
                        criticality,
                        mode,
                        count: count.load(Ordering::Relaxed),
                    });
                }
            }
        }
        rows.retain(|row| row.count > 0);
        rows
    }
}
