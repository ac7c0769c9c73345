//! What may be sent under one policy, seen from the caller's side.

use super::fields::{MAX_SECONDS, Told};

pub(super) const SECOND: u64 = 1_000_000_000;

/// At reading `x`, (x − base) / interval requests may have been sent, but never
/// more than `most` at once.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    base: i128,
    interval: u64,
    most: u64,
    /// Reading until which what was told stands: the longer of both windows.
    stands_until: u64,
}

impl Cells {
    /// What was told at `now`, with so many requests under way: these may not
    /// stand in what is left.
    pub(super) fn new(told: Told, now: u64, under_way: u64) -> Self {
        let window = told.seconds * SECOND;
        let interval = told.interval.unwrap_or(window / told.left.max(1));
        let base = if told.left == 0 {
            i128::from(now) + i128::from(window) - i128::from(interval)
        } else {
            i128::from(now) - times(told.left, interval)
        };
        let stands = window.max(told.window.unwrap_or(0).min(MAX_SECONDS) * SECOND);
        Self {
            base: base + times(under_way, interval),
            interval,
            most: told.most.max(told.left).max(1),
            stands_until: now.saturating_add(stands),
        }
    }

    /// The reading at which one may go after so many others.
    pub(super) fn go_at(&self, now: u64, ahead: usize) -> u64 {
        let base = self.base_at(now);
        let ahead = u64::try_from(ahead).unwrap_or(u64::MAX);
        let at = base + times(ahead.saturating_add(1), self.interval);
        u64::try_from(at.max(0)).unwrap_or(u64::MAX)
    }

    /// One goes.
    pub(super) fn take(&mut self, now: u64) {
        self.base = self.base_at(now) + i128::from(self.interval);
    }

    /// Whether nobody told of it again for its whole window.
    pub(super) fn is_stale(&self, now: u64) -> bool {
        self.stands_until <= now
    }

    /// What was not used does not add up beyond `most`.
    fn base_at(&self, now: u64) -> i128 {
        let earliest = i128::from(now) - times(self.most, self.interval);
        self.base.max(earliest)
    }
}

fn times(count: u64, interval: u64) -> i128 {
    i128::from(count) * i128::from(interval)
}
