//! How long heads took lately, by route: without a lock, in bounded room.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Routes that are told apart; those beyond are never found too slow.
const SLOTS: usize = 256;

/// Slots that are looked at for one route.
const PROBES: usize = 8;

/// How old what is known may be, in seconds. Where every request is refused
/// nothing new is learned, so that after this time some pass again.
const RECENT: u64 = 10;

/// A slot, for the answer of the request that found it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot(u16);

/// An estimate of the median for each route.
#[derive(Debug)]
pub(crate) struct Heads {
    /// Addresses of the routes' names, which are there for good.
    routes: Box<[AtomicUsize]>,
    /// Microseconds in the lower half, seconds of the clock in the upper.
    medians: Box<[AtomicU64]>,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            routes: (0..SLOTS).map(|_| AtomicUsize::new(0)).collect(),
            medians: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Heads {
    /// The slot of a route; `None` when there is none left for it.
    pub(crate) fn slot(&self, route: &'static str) -> Option<Slot> {
        let address = route.as_ptr().addr();
        let first = (address >> 3).wrapping_mul(0x9e37_79b9) >> 7;
        for probe in 0..PROBES {
            let at = (first + probe) % SLOTS;
            let taken =
                self.routes[at].compare_exchange(0, address, Ordering::Relaxed, Ordering::Relaxed);
            if taken.is_ok() || taken == Err(address) {
                return u16::try_from(at).ok().map(Slot);
            }
        }
        None
    }

    /// The median of late, in nanoseconds, if anything is known of late.
    pub(crate) fn median(&self, slot: Slot, now: u64) -> Option<u64> {
        let (micros, at) = parted(self.medians[usize::from(slot.0)].load(Ordering::Relaxed));
        let age = seconds(now).saturating_sub(at);
        (micros > 0 && age <= RECENT).then_some(micros * 1_000)
    }

    /// A head took this long. Each moves the estimate by a sixteenth towards
    /// itself, so that it stays where as many are above as below (frugal
    /// streaming; Ma, Muthukrishnan and Sandler, 2013). Of two that come at the
    /// same time one may be lost.
    pub(crate) fn observe(&self, slot: Slot, now: u64, nanos: u64) {
        let cell = &self.medians[usize::from(slot.0)];
        let (median, at) = parted(cell.load(Ordering::Relaxed));
        let micros = (nanos / 1_000).clamp(1, u64::from(u32::MAX));
        let stale = median == 0 || seconds(now).saturating_sub(at) > RECENT;
        let step = (median / 16).max(1);
        let moved = match micros {
            _ if stale => micros,
            above if above > median => (median + step).min(above),
            below => median.saturating_sub(step).max(below),
        };
        cell.store(seconds(now) << 32 | moved, Ordering::Relaxed);
    }
}

fn parted(word: u64) -> (u64, u64) {
    (word & u64::from(u32::MAX), word >> 32)
}

fn seconds(now: u64) -> u64 {
    (now / 1_000_000_000) & u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    proptest! {
        /// Times whose logarithm is even over a decade: the estimate stays near their median.
        #[test]
        fn the_estimate_comes_to_the_median(seed: u64, lowest in 10_u64..10_000) {
            let mut random = fastrand::Rng::with_seed(seed);
            let heads = Heads::default();
            let slot = heads.slot("/").unwrap();
            for _ in 0..600 {
                let micros = lowest as f64 * 10_f64.powf(random.f64());
                heads.observe(slot, SECOND, micros as u64 * 1_000);
            }
            let median = lowest as f64 * 10_f64.sqrt();
            let found = heads.median(slot, SECOND).unwrap() as f64 / 1_000.0;
            prop_assert!((0.4..2.5).contains(&(found / median)), "{found} for {median}");
        }
    }

    #[test]
    fn what_is_old_is_not_known() {
        let heads = Heads::default();
        let slot = heads.slot("/").unwrap();
        assert_eq!(heads.median(slot, 0), None);
        heads.observe(slot, SECOND, 5_000_000);
        assert_eq!(heads.median(slot, 11 * SECOND), Some(5_000_000));
        assert_eq!(heads.median(slot, 12 * SECOND), None);
        heads.observe(slot, 12 * SECOND, 90_000_000);
        assert_eq!(heads.median(slot, 12 * SECOND), Some(90_000_000));
    }

    #[test]
    fn a_route_keeps_its_slot_and_routes_beyond_have_none() {
        let heads = Heads::default();
        let names: Vec<&'static str> = (0..2_000)
            .map(|number| plimsoll_core::intern::intern(&format!("/heads/{number}")))
            .collect();
        let slots: Vec<_> = names.iter().map(|name| heads.slot(name)).collect();
        let again: Vec<_> = names.iter().map(|name| heads.slot(name)).collect();
        let number = |slot: &Option<Slot>| slot.map(|slot| slot.0);
        assert!(slots.iter().map(number).eq(again.iter().map(number)));
        let mut found: Vec<_> = slots.iter().filter_map(number).collect();
        let all = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), all, "no slot has two routes");
        assert!((SLOTS / 2..=SLOTS).contains(&all), "{all}");
    }
}
