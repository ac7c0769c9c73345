//! Evidence from real traffic: what calls to a dependency come to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use plimsoll_core::Clock;

/// Seconds that count; each has a slot of its own.
const WINDOW: usize = 10;

/// How long a dependency that failed real calls fails at least, whatever answers
/// to questions of our own: an answered ping is less than an answered call.
pub(crate) const DOUBT: Duration = Duration::from_secs(WINDOW as u64);

/// Calls in the window from which on they speak for the dependency.
const ENOUGH: u64 = 10;

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
    /// Good calls and bad ones (32 bits each) since they were last judged.
    fresh: AtomicU64,
    /// Clock reading of the newest call.
    newest: AtomicU64,
}

/// The calls since they were last judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) good: u32,
    pub(crate) bad: u32,
    /// Clock reading of the newest.
    pub(crate) newest: u64,
}

/// A call under way, made by [`Calls::begin`]. Dropped without [`Call::end`], as
/// by a timeout around it, it was a bad one: nobody got an answer.
#[derive(Debug)]
#[must_use = "a call that is dropped is a bad one"]
pub struct Call {
    calls: Calls,
    /// Clock reading; `None` before a `Health` was built.
    began: Option<u64>,
    good: bool,
}

impl Call {
    /// Says how it went.
    pub fn end(mut self, good: bool) {
        self.good = good;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let (Some(began), Some(clock)) = (self.began, self.calls.0.clock.get()) {
            let took = clock.now().saturating_sub(began);
            self.calls.record(self.good, Duration::from_nanos(took));
        }
    }
}

impl Calls {
    /// A call longer than `limit` is a bad one.
    pub(crate) fn new(limit: Duration) -> Self {
        Self(Arc::new(State {
            clock: OnceLock::new(),
            limit,
            slots: Default::default(),
            fresh: AtomicU64::new(0),
            newest: AtomicU64::new(0),
        }))
    }

    /// Begins a call that may never be answered.
    ///
    /// ```
    /// use plimsoll_health::{Check, Health};
    ///
    /// let mut bank = Check::new("bank", async || Ok::<(), String>(()));
    /// let calls = bank.calls();
    /// let health = Health::builder().readiness(bank).build()?;
    /// let call = calls.begin();
    /// // ask the bank; when this task is dropped meanwhile, the call was bad
    /// call.end(true);
    /// # Ok::<(), plimsoll_health::HealthError>(())
    /// ```
    pub fn begin(&self) -> Call {
        Call {
            calls: self.clone(),
            began: self.0.clock.get().map(Clock::now),
            good: false,
        }
    }

    /// Notes a call at its end: whether the dependency answered as it should, and after how
    /// long. A refusal by its rules (not found, conflict) is a good answer.
    pub fn record(&self, good: bool, took: Duration) {
        let Some(clock) = self.0.clock.get() else {
            return;
        };
        let now = clock.now();
        let second = second(now);
        let slot = &self.0.slots[second as usize % WINDOW];
        let good = good && took <= self.0.limit;
        let add = if good { 1 << COUNT_BITS } else { 1 };
        let fresh = if good { 1 << 32 } else { 1 };
        self.0.fresh.fetch_add(fresh, Ordering::Relaxed);
        self.0.newest.fetch_max(now, Ordering::Relaxed);
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

    /// The calls since the last time, if they tell: there were enough in the last
    /// seconds, and the newest is at most `within` old.
    pub(crate) fn take(&self, now: u64, within: Duration) -> Option<Seen> {
        let fresh = self.0.fresh.swap(0, Ordering::Relaxed);
        let newest = self.0.newest.load(Ordering::Relaxed);
        let age = Duration::from_nanos(now.saturating_sub(newest));
        let seen = Seen {
            good: (fresh >> 32) as u32,
            bad: (fresh & u64::from(u32::MAX)) as u32,
            newest,
        };
        (fresh > 0 && age <= within && self.lately(now) >= ENOUGH).then_some(seen)
    }

    /// Calls in the last seconds.
    fn lately(&self, now: u64) -> u64 {
        let now = second(now);
        let count = |slot: &AtomicU64| {
            let word = slot.load(Ordering::Relaxed);
            let age = now.wrapping_sub(word >> (2 * COUNT_BITS)) & SECONDS;
            let calls = (word >> COUNT_BITS & COUNT_MAX) + (word & COUNT_MAX);
            if age < WINDOW as u64 { calls } else { 0 }
        };
        self.0.slots.iter().map(count).sum()
    }
}

const SECONDS: u64 = (1 << 24) - 1;

fn second(now: u64) -> u64 {
    (now / 1_000_000_000) & SECONDS
}

impl Seen {
    /// A dependency of which half the calls fail is down.
    pub(crate) fn verdict(self) -> Result<(), String> {
        let Self { good, bad, .. } = self;
        if bad < good {
            return Ok(());
        }
        Err(format!(
            "{bad} of {} calls since the last look failed or took too long",
            u64::from(good) + u64::from(bad)
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

    const EVERY: Duration = Duration::from_secs(2);

    fn of(good: u32, bad: u32, newest: u64) -> Seen {
        Seen { good, bad, newest }
    }

    #[test]
    fn few_calls_and_old_ones_say_nothing_and_none_is_judged_twice() {
        let (calls, clock, hand) = calls();
        for _ in 0..9 {
            calls.record(true, LIMIT);
        }
        assert_eq!(calls.take(clock.now(), EVERY), None);
        calls.record(false, LIMIT);
        let first = clock.now();
        hand.advance(EVERY);
        // Only what came since the last look.
        assert_eq!(calls.take(clock.now(), EVERY), Some(of(0, 1, first)));
        assert_eq!(calls.take(clock.now(), EVERY), None);
        calls.record(true, LIMIT);
        hand.advance(EVERY * 2);
        assert_eq!(calls.take(clock.now(), EVERY), None, "too old");
        hand.advance(Duration::from_secs(6));
        // Enough were there once.
        calls.record(true, LIMIT);
        assert_eq!(calls.take(clock.now(), EVERY), None);
        // The same slot, for another second.
        for _ in 0..10 {
            calls.record(true, LIMIT);
        }
        assert_eq!(calls.take(clock.now(), EVERY), Some(of(10, 0, clock.now())));
    }

    #[test]
    fn half_of_them_bad_or_slow_is_down() {
        let (calls, clock, _) = calls();
        for number in 0..20 {
            let took = if number % 2 == 0 { LIMIT } else { LIMIT * 2 };
            calls.record(true, took);
        }
        let why = calls.take(clock.now(), EVERY).unwrap().verdict();
        assert_eq!(
            why.unwrap_err(),
            "10 of 20 calls since the last look failed or took too long"
        );
        for good in [true, true, false] {
            calls.record(good, LIMIT);
        }
        assert_eq!(calls.take(clock.now(), EVERY).unwrap().verdict(), Ok(()));
    }

    #[test]
    fn a_call_that_is_dropped_before_its_answer_is_a_bad_one() {
        let (calls, clock, hand) = calls();
        for _ in 0..9 {
            calls.begin().end(true);
        }
        let slow = calls.begin();
        hand.advance(LIMIT * 2);
        slow.end(true);
        drop(calls.begin());
        assert_eq!(calls.take(clock.now(), EVERY), Some(of(9, 2, clock.now())));
    }
}
