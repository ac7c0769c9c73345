//! How many events may be sent: one a second of a kind with a burst of ten, and
//! a hundred a minute in all. A service in trouble fails many requests alike;
//! a few of them tell what is wrong, and the rest are counted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Nanoseconds between two events of a kind in the long run.
const INTERVAL: u64 = 1_000_000_000;

/// Events of a kind that may come at once.
const BURST: u64 = 10;

/// Nanoseconds in which at most [`MOST`] events of any kind are sent.
const WINDOW: u64 = 60_000_000_000;

/// See [`WINDOW`].
const MOST: usize = 100;

/// Kinds told apart; later ones share one bound.
const KINDS: usize = 1_024;

/// What groups events: code or outcome, and route.
pub(super) type Kind = (&'static str, &'static str);

/// Keeps the bounds. Its lock is taken for failures only.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    of: HashMap<Kind, OfKind>,
    /// When the last events were sent, oldest first; at most [`MOST`].
    sent: VecDeque<u64>,
}

/// One kind by GCRA, as [`plimsoll_core`]'s clock reads.
#[derive(Debug, Default)]
struct OfKind {
    /// When the kind is as good as new.
    due: u64,
    /// Events kept back since the last one sent.
    suppressed: u64,
}

impl Pace {
    /// Whether an event of this kind may be sent now; if so, how many of its
    /// kind were kept back since the last one.
    pub(super) fn admit(&self, kind: Kind, now: u64) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { of, sent } = &mut *state;
        let known = of.len() < KINDS || of.contains_key(&kind);
        let kind = of.entry(if known { kind } else { ("", "") }).or_default();
        while sent.front().is_some_and(|&first| first + WINDOW <= now) {
            sent.pop_front();
        }
        let due = kind.due.max(now);
        if due - now > (BURST - 1) * INTERVAL || sent.len() >= MOST {
            kind.suppressed += 1;
            return None;
        }
        kind.due = due + INTERVAL;
        sent.push_back(now);
        Some(std::mem::take(&mut kind.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS_USED: [Kind; 3] = [("A-1", "/a"), ("A-1", "/b"), ("panic", "/a")];

    /// Most in any window of this length, ends included.
    fn most(times: &[u64], window: u64) -> usize {
        let counts = times.iter().enumerate().map(|(first, begin)| {
            let within = times[first..].iter().take_while(|at| *at - begin < window);
            within.count()
        });
        counts.max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_bounds_and_every_event_is_sent_or_told(
            steps in prop::collection::vec((0..KINDS_USED.len(), 0..700_000_000_u64), 1..900)
        ) {
            let pace = Pace::default();
            let mut now = 0;
            let mut sent: [Vec<u64>; 3] = Default::default();
            let mut offered = [0_u64; 3];
            let mut told = [0_u64; 3];
            for (which, wait) in steps {
                now += wait;
                offered[which] += 1;
                if let Some(suppressed) = pace.admit(KINDS_USED[which], now) {
                    told[which] += suppressed + 1;
                    sent[which].push(now);
                }
            }
            let mut all: Vec<u64> = sent.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert!(most(&all, WINDOW) <= MOST);
            for times in &sent {
                for seconds in [1_u64, 5, 30] {
                    prop_assert!(most(times, seconds * INTERVAL) as u64 <= BURST + seconds);
                }
            }
            // After a long silence each kind is told all that was kept back.
            for (which, kind) in KINDS_USED.into_iter().enumerate() {
                now += 2 * WINDOW;
                offered[which] += 1;
                told[which] += pace.admit(kind, now).expect("silence") + 1;
            }
            prop_assert_eq!(offered, told);
        }
    }

    #[test]
    fn kinds_beyond_the_bound_share_one() {
        let pace = Pace::default();
        let mut now = 0;
        for kind in 0..2 * KINDS {
            now += WINDOW;
            let name: &'static str = plimsoll_core::intern::intern(&kind.to_string());
            assert_eq!(pace.admit((name, "/"), now), Some(0));
        }
        assert_eq!(pace.0.lock().unwrap().of.len(), KINDS + 1);
    }
}
