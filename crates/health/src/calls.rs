//! Evidence from real traffic: what calls to a dependency come to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use plimsoll_core::Clock;

/// Seconds that count; each has a slot of its own.
const WINDOW: usize = 10;

/// Calls in the window from which on they speak for the dependency.
const ENOUGH: u32 = 10;

/// Bits of a slot's word for each of its two counts.
const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// The calls of a service to one dependency, in the last ten seconds; made by
/// [`crate::Check::calls`]. Clones share them.
#[derive(Debug, Clone)]
pub struct Calls(Arc<State>);

#[derive(Debug)]
struct State {
    clock: OnceLock<Clock>,
    limit: Duration,
    /// A second (24 bits), its good calls and its bad ones (20 each, at most a
    /// million), in one word: a slot taken for a new second loses no call.
    slots: [AtomicU64; WINDOW],
}

/// What the calls of a window come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    pub(crate) good: u32,
    pub(crate) bad: u32,
}

impl Calls {
    /// A call longer than `limit` is a bad one.
    pub(crate) fn new(limit: Duration) -> Self {
        Self(Arc::new(State {
            clock: OnceLock::new(),
            limit,
            slots: Default::default(),
        }))
    }

    /// Notes a call: whether the dependency answered as it should, and after how
    /// long. A refusal by its rules (not found, conflict) is a good answer.
    pub fn record(&self, good: bool, took: Duration) {
        let Some(clock) = self.0.clock.get() else {
            return;
        };
        let second = second(clock.now());
        let slot = &self.0.slots[second as usize % WINDOW];
        let add = if good && took <= self.0.limit {
            1 << COUNT_BITS
        } else {
            1
        };
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let fresh = second << (2 * COUNT_BITS);
            let word = if word >> (2 * COUNT_BITS) == second {
                word
            } else {
                fresh
            };
            let full =
                (word & COUNT_MAX) == COUNT_MAX || (word >> COUNT_BITS & COUNT_MAX) == COUNT_MAX;
            (!full).then_some(word + add)
        });
    }

    /// Makes the calls count by this clock; the first one given stays.
    pub(crate) fn attach(&self, clock: &Clock) {
        let _ = self.0.clock.set(clock.clone());
    }

    /// What the last seconds come to, if there were enough calls to tell.
    pub(crate) fn seen(&self, now: u64) -> Option<Seen> {
        let now = second(now);
        let mut seen = Seen::default();
        for slot in &self.0.slots {
            let word = slot.load(Ordering::Relaxed);
            let age = now.wrapping_sub(word >> (2 * COUNT_BITS)) & SECONDS;
            if age < WINDOW as u64 {
                seen.good += (word >> COUNT_BITS & COUNT_MAX) as u32;
                seen.bad += (word & COUNT_MAX) as u32;
            }
        }
        (seen.good + seen.bad >= ENOUGH).then_some(seen)
    }
}

const SECONDS: u64 = (1 << 24) - 1;

fn second(now: u64) -> u64 {
    (now / 1_000_000_000) & SECONDS
}

impl Seen {
    /// A dependency of which half the calls fail is down.
    pub(crate) fn verdict(self) -> Result<(), String> {
        let Self { good, bad } = self;
        if bad < good {
            return Ok(());
        }
        Err(format!(
            "{bad} of {} calls in the last {WINDOW} s failed or took too long",
            good + bad
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn calls() -> (Calls, Clock, plimsoll_core::clock::Hand) {
        let (clock, hand) = Clock::manual();
        let calls = Calls::new(LIMIT);
        calls.attach(&clock);
        (calls, clock, hand)
    }

    #[test]
    fn few_calls_say_nothing_and_old_ones_are_forgotten() {
        let (calls, clock, hand) = calls();
        for _ in 0..9 {
            calls.record(true, LIMIT);
        }
        assert_eq!(calls.seen(clock.now()), None);
        calls.record(false, LIMIT);
        let seen = Seen { good: 9, bad: 1 };
        assert_eq!(calls.seen(clock.now()), Some(seen));
        hand.advance(Duration::from_secs(9));
        assert_eq!(calls.seen(clock.now()), Some(seen));
        hand.advance(Duration::from_secs(1));
        assert_eq!(calls.seen(clock.now()), None);
        // The same slot, for another second.
        for _ in 0..10 {
            calls.record(true, LIMIT);
        }
        assert_eq!(calls.seen(clock.now()), Some(Seen { good: 10, bad: 0 }));
    }

    #[test]
    fn half_of_them_bad_or_slow_is_down() {
        let (calls, clock, _) = calls();
        for number in 0..20 {
            let took = if number % 2 == 0 { LIMIT } else { LIMIT * 2 };
            calls.record(true, took);
        }
        let why = calls.seen(clock.now()).unwrap().verdict().unwrap_err();
        assert_eq!(
            why,
            "10 of 20 calls in the last 10 s failed or took too long"
        );
        calls.record(true, LIMIT);
        assert_eq!(calls.seen(clock.now()).unwrap().verdict(), Ok(()));
    }
}
