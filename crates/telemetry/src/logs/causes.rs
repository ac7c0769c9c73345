//! How many causes of one code are told in a second: a storm of one failure has a
//! line for each request, but says at length only of the first few why.

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_core::Record;

/// Causes that are told per code and second.
pub(crate) const PER_SECOND: u64 = 10;

const SECOND: u64 = 1_000_000_000;

/// Stands for a cause that is not told.
pub(crate) const LEFT_OUT: &str = "[suppressed: ten of this code were told in this second]";

/// The causes of one code.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// The second in the upper half, how many were told in it in the lower.
    told: AtomicU64,
    /// Not told since the last one that was.
    suppressed: AtomicU64,
    /// Not told, ever.
    all: AtomicU64,
}

impl Causes {
    /// How many were not told so far.
    pub(crate) fn left_out(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Leaves out the cause of a record, or says with it how many were left out
    /// before. Returns the cause as it was, if the record has another now.
    pub(crate) fn thin(&self, record: &mut Record) -> Option<Box<str>> {
        let cause = record.cause.as_deref()?;
        let told = self.take(record.ended);
        let instead = match told {
            Some(0) => return None,
            Some(before) => format!("[suppressed {before} of this code] {cause}").into(),
            None => LEFT_OUT.into(),
        };
        record.cause.replace(instead)
    }

    /// Whether one more may be told now: how many were left out before it.
    fn take(&self, now: u64) -> Option<u64> {
        let order = Ordering::Relaxed;
        // The lower half of the seconds tells two of them apart for 136 years.
        let second = (now / SECOND) << 32;
        let next = |seen: u64| {
            let same = seen >> 32 == second >> 32;
            let told = if same { seen & u64::from(u32::MAX) } else { 0 };
            (told < PER_SECOND).then_some(second | (told + 1))
        };
        if self.told.fetch_update(order, order, next).is_ok() {
            return Some(self.suppressed.swap(0, order));
        }
        self.suppressed.fetch_add(1, order);
        self.all.fetch_add(1, order);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::record::fresh_ids;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_second_tells_more_than_ten_and_none_is_forgotten(
            steps in proptest::collection::vec(0_u64..400_000_000, 1..500),
        ) {
            let causes = Causes::default();
            let (mut now, mut in_second, mut told, mut counted) = (0, (0, 0), 0, 0);
            for step in &steps {
                now += step;
                if let Some(before) = causes.take(now) {
                    let second = now / SECOND;
                    in_second = if in_second.0 == second { (second, in_second.1 + 1) } else { (second, 1) };
                    prop_assert!(in_second.1 <= PER_SECOND);
                    told += 1;
                    counted += before;
                }
            }
            let left = causes.suppressed.load(Ordering::Relaxed);
            prop_assert_eq!(told + counted + left, steps.len() as u64);
        }
    }

    #[test]
    fn the_record_keeps_its_cause_for_the_other_signals() {
        let causes = Causes::default();
        let mut record = Record::new(fresh_ids(false), 0);
        record.ended = SECOND;
        record.cause = Some("disk full".into());
        for _ in 0..PER_SECOND {
            assert_eq!(causes.thin(&mut record), None);
        }
        let kept = causes.thin(&mut record);
        assert_eq!(kept.as_deref(), Some("disk full"));
        assert_eq!(record.cause.as_deref(), Some(LEFT_OUT));
        record.cause = kept;
        record.ended = 2 * SECOND;
        causes.thin(&mut record);
        assert_eq!(
            record.cause.as_deref(),
            Some("[suppressed 1 of this code] disk full")
        );
    }
}
