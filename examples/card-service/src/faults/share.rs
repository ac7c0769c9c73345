//! A share of a sequence, spread evenly and exact.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Picks `percent` of every hundred in a row.
#[derive(Debug, Default)]
pub(super) struct Share {
    percent: AtomicU8,
    seen: AtomicU64,
}

impl Share {
    pub(super) fn percent(&self) -> u8 {
        self.percent.load(Relaxed)
    }

    pub(super) fn set(&self, percent: u8) {
        self.percent.store(percent, Relaxed);
    }

    /// Counts one and says whether it is picked: it is when the running total `n * percent / 100` steps up.
    pub(super) fn next(&self) -> bool {
        let percent = u64::from(self.percent());
        if percent == 0 {
            return false;
        }
        let n = self.seen.fetch_add(1, Relaxed) % 100;
        (n + 1) * percent / 100 > n * percent / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundred_in_a_row_has_exactly_the_share() {
        for percent in 0..=100 {
            let share = Share::default();
            share.set(percent);
            for _ in 0..3 {
                let picked = (0..100).filter(|_| share.next()).count();
                assert_eq!(picked, usize::from(percent));
            }
        }
    }
}
