//! A request's calls to other services.

/// Counts a request's outgoing calls and the time it had at least one under
/// way, so that calls side by side are not counted twice.
///
/// ```
/// use plimsoll_core::calls::Calls;
///
/// let mut calls = Calls::default();
/// calls.begin(100);
/// calls.begin(150);
/// calls.end(200, true);
/// calls.end(250, false);
/// assert_eq!((calls.begun, calls.failed, calls.nanos(900)), (2, 1, 150));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls that were begun.
    pub begun: u32,
    /// Of those, the failed ones.
    pub failed: u32,
    under_way: u32,
    since: u64,
    nanos: u64,
}

impl Calls {
    /// A call begins at this clock reading.
    pub fn begin(&mut self, now: u64) {
        if self.under_way == 0 {
            self.since = now;
        }
        self.begun = self.begun.saturating_add(1);
        self.under_way = self.under_way.saturating_add(1);
    }

    /// A call that was begun ends.
    pub fn end(&mut self, now: u64, failed: bool) {
        self.failed = self.failed.saturating_add(failed.into());
        self.under_way = self.under_way.saturating_sub(1);
        if self.under_way == 0 {
            self.nanos += now.saturating_sub(self.since);
        }
    }

    /// Nanoseconds with a call under way, until `now`.
    pub fn nanos(&self, now: u64) -> u64 {
        match self.under_way {
            0 => self.nanos,
            _ => self.nanos + now.saturating_sub(self.since),
        }
    }
}

/// How often a call was sent before: 1 on the first retry. In the extensions of
/// a request that goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resend(pub u32);
