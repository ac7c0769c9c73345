//! What is asked of a store that several processes share.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::gcra::{Decision, Gcra};

/// Cells of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The key, the same in every process.
    pub key: Arc<str>,
    /// By which arithmetic.
    pub gcra: Gcra,
    /// How many cells; 0 only looks.
    pub cells: u32,
}

/// How cells are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Every want whole, or nothing of any.
    All,
    /// Of an only want as many cells as there are: how a lease is taken.
    Most,
    /// Takes what was admitted while the store was away, at most what a key can owe.
    Debit,
    /// Gives back of an only want so many nanoseconds of its limit, for a
    /// request that did not pass after all.
    Credit(u64),
}

/// One step: the wants are decided together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// How.
    pub kind: Kind,
    /// Of which keys; at most [`crate::limiter::MAX_LIMITS`].
    pub wants: Vec<Want>,
}

/// What a store said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Cells for a [`Kind::Most`]; else 1 when the wants were taken, 0 when not.
    pub granted: u32,
    /// Of each want's key: nanoseconds of its limit that are used up after the step.
    pub backlogs: Vec<u64>,
}

impl Told {
    /// What the store decided about one of the wants of a [`Kind::All`], by the
    /// backlog that the key had when the step was over.
    pub fn decision(&self, call: &Call, want: usize) -> Option<Decision> {
        let (asked, backlog) = (call.wants.get(want)?, *self.backlogs.get(want)?);
        let (left, _) = asked.gcra.decide(backlog, 0, 0);
        if self.granted > 0 {
            return Some(left);
        }
        let (said, _) = asked.gcra.decide(backlog, 0, asked.cells);
        // Another want was not there: this one was not taken.
        Some(if said.allows() { left } else { said })
    }
}

/// Why a store gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It was found out of order and nobody asks it now.
    #[error("the store is out of order")]
    Down,
    /// No answer within the deadline of a decision.
    #[error("no answer in time")]
    Timeout,
    /// As many calls wait as may.
    #[error("too many calls wait")]
    Full,
    /// The connection broke.
    #[error("the connection broke")]
    Connection,
    /// It refused: out of memory, loading, a replica, or no place for scripts.
    #[error("the store refused")]
    Refused,
}

impl StoreError {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Down,
        Self::Timeout,
        Self::Full,
        Self::Connection,
        Self::Refused,
    ];

    /// Its place in [`StoreError::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The value of [`plimsoll_core::names::label::REASON`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Timeout => "timeout",
            Self::Full => "full",
            Self::Connection => "connection",
            Self::Refused => "refused",
        }
    }
}

/// The answer to a call, when it comes.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Told, StoreError>> + Send + 'a>>;

/// Where shared keys are counted. An answer comes within the store's own
/// deadline, a failure included; a store that is out of order says so at once.
pub trait Store: fmt::Debug + Send + Sync {
    /// Takes one step, all of it or nothing.
    fn call(&self, call: Call) -> Calling<'_>;

    /// Whether the store is in order as far as anybody knows.
    fn is_up(&self) -> bool;

    /// Longest time that a call waits for its answer.
    fn deadline(&self) -> Duration;

    /// How many processes share the store, this one included; at least 1.
    fn nodes(&self) -> u32;

    /// Counts of this process, for its metrics.
    fn stats(&self) -> StoreStats;
}

/// What a store did for this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Round trips.
    pub trips: u64,
    /// Calls that they carried.
    pub calls: u64,
    /// Nanoseconds that the round trips took, in all.
    pub nanos: u64,
    /// Attempts to find the store in order again.
    pub probes: u64,
    /// Failures by [`StoreError::ALL`].
    pub failures: [u64; StoreError::ALL.len()],
}
