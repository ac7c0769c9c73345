use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happened to calls. Closed: a label value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The caller asked for a call.
    Asked,
    /// It waited for the server's limit.
    Waited,
    /// It was refused here: the wait would have been too long.
    TooLong,
    /// It was refused here: too many calls wait for the server's limit.
    Full,
    /// It was refused here: the server refuses most calls.
    Throttled,
    /// It was sent again.
    Retried,
    /// It might have been sent again, but the budget was spent.
    NoBudget,
    /// It might have been sent again, but there was no time or try left, or no
    /// second body.
    GivenUp,
    /// It went unpaced: too many servers.
    Untracked,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 9] = [
        Self::Asked,
        Self::Waited,
        Self::TooLong,
        Self::Full,
        Self::Throttled,
        Self::Retried,
        Self::NoBudget,
        Self::GivenUp,
        Self::Untracked,
    ];

    /// The word used in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Waited => "waited",
            Self::TooLong => "too_long",
            Self::Full => "full",
            Self::Throttled => "throttled",
            Self::Retried => "retried",
            Self::NoBudget => "no_budget",
            Self::GivenUp => "given_up",
            Self::Untracked => "untracked",
        }
    }
}

/// How often each [`Event`] was; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<[AtomicU64; Event::ALL.len()]>);

impl Counts {
    pub(super) fn count(&self, event: Event) {
        self.0[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often, since start.
    pub fn of(&self, event: Event) -> u64 {
        self.0[event as usize].load(Ordering::Relaxed)
    }
}
