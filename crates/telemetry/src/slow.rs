//! Which requests are slow: over twice what one in a hundred of their route
//! took in the minute before (design, section 12).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Length of a window, nanoseconds.
const WINDOW: u64 = 60_000_000_000;

/// Fewest requests of the minute before by which a later one is judged.
const ENOUGH: u32 = 100;

/// Steps per doubling: a bucket is at most 19 % wide.
const STEPS: u64 = 4;
const BUCKETS: usize = 128;

/// Nothing is slow.
const NEVER: u64 = u64::MAX;

/// What a route's requests took in this minute, and what counts as slow by the
/// minute before. Shared by threads; a count may fall into the neighbouring minute.
#[derive(Debug)]
pub(crate) struct Pace {
    minute: AtomicU64,
    counts: [AtomicU32; BUCKETS],
    limit: AtomicU64,
    kept: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            minute: AtomicU64::new(0),
            counts: std::array::from_fn(|_| AtomicU32::new(0)),
            limit: AtomicU64::new(NEVER),
            kept: AtomicU64::new(NEVER),
        }
    }
}

impl Pace {
    /// Counts a request that took `nanos` and says whether that was slow.
    pub(crate) fn observe(&self, now: u64, nanos: u64) -> bool {
        let minute = now / WINDOW;
        let seen = self.minute.load(Ordering::Relaxed);
        if minute != seen {
            self.turn(seen, minute);
        }
        self.counts[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
        nanos > self.limit.load(Ordering::Relaxed)
    }

    /// Whether this route may keep a slow request now: one a second.
    pub(crate) fn may_keep(&self, now: u64) -> bool {
        let second = now / 1_000_000_000;
        self.kept.swap(second, Ordering::Relaxed) != second
    }

    /// Begins a new minute; of several threads the first does it.
    fn turn(&self, seen: u64, minute: u64) {
        let order = Ordering::Relaxed;
        if self
            .minute
            .compare_exchange(seen, minute, order, order)
            .is_err()
        {
            return;
        }
        let counts: Vec<u32> = self
            .counts
            .iter()
            .map(|count| count.swap(0, order))
            .collect();
        let limit = if minute == seen + 1 {
            limit(&counts)
        } else {
            NEVER
        };
        self.limit.store(limit, order);
    }
}

/// Twice the upper bound of the bucket in which the 99th percentile lies.
fn limit(counts: &[u32]) -> u64 {
    let total: u32 = counts
        .iter()
        .fold(0, |sum, count| sum.saturating_add(*count));
    if total < ENOUGH {
        return NEVER;
    }
    let above = total / 100;
    let mut left = above;
    for (index, count) in counts.iter().enumerate().rev() {
        if *count > left {
            return upper(index).saturating_mul(2);
        }
        left -= count;
    }
    NEVER
}

/// Log-linear: four steps between a power of two and the next; one microsecond
/// and less is bucket 0.
fn bucket(nanos: u64) -> usize {
    let micros = (nanos >> 10).max(1);
    let power = u64::from(micros.ilog2());
    let step = (micros << 2 >> power) & (STEPS - 1);
    ((power * STEPS + step) as usize).min(BUCKETS - 1)
}

/// The least value above the bucket, nanoseconds.
fn upper(bucket: usize) -> u64 {
    let (power, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    // Below the power of four the steps are parts of a unit: whole ones count.
    ((STEPS + step + 1) << power).div_ceil(STEPS) << 10
}

/// Slow requests kept over all routes: ten a second.
#[derive(Debug, Default)]
pub(crate) struct SlowBudget(AtomicU64);

impl SlowBudget {
    const PER_SECOND: u64 = 10;

    pub(crate) fn may_keep(&self, now: u64) -> bool {
        let second = now / 1_000_000_000;
        // Seconds above, count in the low 8 bits.
        let take = |word: u64| match (word >> 8 == second, word & 0xff) {
            (true, Self::PER_SECOND..) => None,
            (true, _) => Some(word + 1),
            (false, _) => Some(second << 8 | 1),
        };
        let order = Ordering::Relaxed;
        self.0.fetch_update(order, order, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    proptest! {
        #[test]
        fn a_value_lies_under_the_bound_of_its_bucket(nanos in 0_u64..8_000_000_000_000) {
            let index = bucket(nanos);
            if index < BUCKETS - 1 {
                prop_assert!(nanos < upper(index), "{} {}", nanos, upper(index));
                prop_assert!(upper(index) as f64 <= nanos as f64 * 1.26 + 4_096.0);
            }
        }
    }

    fn minute_of(pace: &Pace, minute: u64, count: u64, nanos: u64) -> Vec<bool> {
        let at = |index| minute * WINDOW + index;
        (0..count)
            .map(|index| pace.observe(at(index), nanos))
            .collect()
    }

    #[test]
    fn nothing_is_slow_before_a_minute_with_a_hundred_requests_is_over() {
        let pace = Pace::default();
        assert!(!minute_of(&pace, 1, 99, MS).contains(&true));
        assert!(!pace.observe(2 * WINDOW, 1_000 * MS), "99 are not enough");
        minute_of(&pace, 3, 100, MS);
        assert!(!pace.observe(3 * WINDOW + 1, 1_000 * MS), "the minute runs");
        assert!(pace.observe(4 * WINDOW, 3 * MS), "over twice the p99");
        assert!(!pace.observe(4 * WINDOW, 2 * MS), "not over twice");
        assert!(
            !pace.observe(9 * WINDOW, 3 * MS),
            "the minute before was empty"
        );
    }

    #[test]
    fn a_slow_one_in_a_hundred_does_not_move_the_bound() {
        let pace = Pace::default();
        minute_of(&pace, 1, 198, MS);
        minute_of(&pace, 1, 2, 500 * MS);
        assert!(pace.observe(2 * WINDOW, 3 * MS));
    }

    #[test]
    fn one_a_second_of_a_route_and_ten_a_second_of_all() {
        let (pace, budget) = (Pace::default(), SlowBudget::default());
        let second = 1_000 * MS;
        assert!(pace.may_keep(second) && !pace.may_keep(second + 1));
        assert!(pace.may_keep(2 * second));
        let kept = |at| (0..50).filter(|_| budget.may_keep(at)).count();
        assert_eq!((kept(second), kept(2 * second)), (10, 10));
    }
}
