//! What is kept for each callsite that logs: the beginning of its lines, and
//! how many of them may come.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_core::names::key;
use tracing::Metadata;

use super::json::key;
use super::write::quote;

/// Places for callsites; a power of two.
const PLACES: usize = 2_048;

/// Places that are tried for one callsite.
const TRIES: usize = 32;

/// Seconds' worth of lines that a callsite may write at once.
const BURST_SECONDS: u64 = 10;

const SECOND: u64 = 1_000_000_000;

/// How many lines of one callsite are written: a rate, and ten seconds' worth
/// of it at once. The generic cell rate algorithm (ATM Forum TM 4.0, section
/// 4.4.2) on one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallsiteLimit {
    /// Nanoseconds between two lines.
    interval: u64,
}

impl CallsiteLimit {
    /// This many lines a second, at least one.
    pub(crate) fn per_second(lines: u32) -> Self {
        Self {
            interval: SECOND / u64::from(lines.max(1)),
        }
    }

    /// Takes a line from what a callsite may write, if there is one.
    fn take(self, due: &AtomicU64, now: u64) -> bool {
        let order = Ordering::Relaxed;
        // One less, since the line itself is due at once.
        let ahead = (BURST_SECONDS * SECOND).saturating_sub(self.interval);
        let next = |due: u64| {
            let at = due.max(now);
            (at - now <= ahead).then_some(at + self.interval)
        };
        due.fetch_update(order, order, next).is_ok()
    }
}

/// One callsite.
#[derive(Debug)]
pub(super) struct Callsite {
    metadata: &'static Metadata<'static>,
    /// From behind the time to the message.
    lead: Box<[u8]>,
    /// When the next line would be due at the limit's rate.
    due: AtomicU64,
    /// Lines not written since they were last told.
    suppressed: AtomicU64,
}

impl Callsite {
    pub(super) fn new(metadata: &'static Metadata<'static>) -> Self {
        let mut lead = b"\"".to_vec();
        lead.extend_from_slice(key!(key::LEVEL));
        quote(&mut lead, metadata.level().as_str());
        lead.extend_from_slice(key!(key::TARGET));
        quote(&mut lead, metadata.target());
        lead.extend_from_slice(key!(key::MESSAGE));
        Self {
            metadata,
            lead: lead.into(),
            due: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// From behind the time to the message.
    pub(super) fn lead(&self) -> &[u8] {
        &self.lead
    }

    pub(super) fn metadata(&self) -> &'static Metadata<'static> {
        self.metadata
    }

    /// Lines not written and not told yet.
    pub(super) fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Takes note that so many were told.
    pub(super) fn told(&self, lines: u64) {
        self.suppressed.fetch_sub(lines, Ordering::Relaxed);
    }
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is written.
    Line,
    /// It is not, and nothing of its callsite is left to be told but this.
    FirstSuppressed,
    /// It is not.
    Suppressed,
}

/// The callsites of one instance. Found without a lock; a program with more of
/// them than places has no limit on the rest, and writes their lines no faster.
#[derive(Debug)]
pub(crate) struct Callsites {
    limit: Option<CallsiteLimit>,
    places: Box<[OnceLock<Callsite>]>,
    /// Lines not written, ever.
    suppressed: AtomicU64,
}

impl Callsites {
    pub(crate) fn new(limit: Option<CallsiteLimit>) -> Self {
        Self {
            limit,
            places: (0..PLACES).map(|_| OnceLock::new()).collect(),
            suppressed: AtomicU64::new(0),
        }
    }

    /// The place of a callsite, unless all that it may have are taken.
    pub(super) fn of(&self, metadata: &'static Metadata<'static>) -> Option<&Callsite> {
        let address = std::ptr::from_ref(metadata).addr() >> 4;
        let mixed = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let first = mixed >> (usize::BITS - PLACES.ilog2()) as usize;
        (first..first + TRIES).find_map(|at| {
            let place = self.places.get(at & (PLACES - 1))?;
            let callsite = place.get_or_init(|| Callsite::new(metadata));
            std::ptr::eq(callsite.metadata, metadata).then_some(callsite)
        })
    }

    /// Whether a line of this callsite may be written now; if not, it is noted
    /// as suppressed.
    pub(super) fn take(&self, callsite: &Callsite, now: u64) -> Taken {
        let Some(limit) = self.limit else {
            return Taken::Line;
        };
        // All records of the `log` crate share five callsites.
        if callsite.metadata.target() == "log" || limit.take(&callsite.due, now) {
            return Taken::Line;
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        match callsite.suppressed.fetch_add(1, Ordering::Relaxed) {
            0 => Taken::FirstSuppressed,
            _ => Taken::Suppressed,
        }
    }

    /// Lines not written so far, of all callsites.
    pub(super) fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Every callsite that ever logged, with its place.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Callsite)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(at, place)| Some((at, place.get()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_time_sees_more_lines_than_burst_and_rate_allow(
            rate in 1_u32..10_000,
            steps in proptest::collection::vec(0_u64..200_000_000, 1..2_000),
        ) {
            let limit = CallsiteLimit::per_second(rate);
            let due = AtomicU64::new(0);
            let (mut now, mut written) = (0_u64, 0_u64);
            for step in steps {
                now += step;
                written += u64::from(limit.take(&due, now));
                let rate = f64::from(rate);
                let most = 10.0 * rate + now as f64 / limit.interval as f64;
                prop_assert!(written as f64 <= most + 1.0, "{written} in {now} ns");
            }
        }
    }

    #[test]
    fn ten_seconds_worth_at_once_then_the_rate() {
        let limit = CallsiteLimit::per_second(100);
        let due = AtomicU64::new(0);
        let burst = |now| (0..5_000).filter(|_| limit.take(&due, now)).count();
        let start = 5 * SECOND;
        assert_eq!(burst(start), 1_000);
        assert_eq!(burst(start + SECOND), 100);
        assert_eq!(burst(start + 60 * SECOND), 1_000);
    }
}
