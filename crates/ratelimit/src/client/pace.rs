//! When the next request may go, by what the server said of its limits.

use std::collections::HashMap;

use super::fields::{MAX_POLICIES, Told};

const SECOND: u64 = 1_000_000_000;

/// Places that are paced apart; the excess is not paced.
pub(super) const MAX_PLACES: usize = 256;

/// Whom requests are paced for: a server, and a part of its clients that the
/// caller tells apart.
pub(super) type Place = (String, String);

/// The cells of one policy, seen from this side: at reading `x`,
/// (x − base) / interval requests may have been sent.
#[derive(Debug, Clone)]
struct Cells {
    /// Its partition (`pk`) is the one told last: an answer for another replaces it.
    policy: String,
    base: i128,
    interval: u64,
}

impl Cells {
    fn go_at(&self) -> i128 {
        self.base + i128::from(self.interval)
    }
}

/// What is known of a place.
#[derive(Debug, Default)]
struct Known {
    cells: Vec<Cells>,
    /// Nothing goes before this reading: a `Retry-After` without fields.
    closed_until: u64,
    /// Sent and not answered yet: the server may not have counted them.
    under_way: u64,
    used: u64,
}

/// The paces of all places. Readings are nanoseconds of one clock.
#[derive(Debug, Default)]
pub(super) struct Paces {
    places: HashMap<Place, Known>,
    /// Requests that could not be paced since there were too many places.
    pub(super) untracked: u64,
}

impl Paces {
    /// The reading at which a request may go, if that is not after `until`;
    /// then it counts as under way.
    pub(super) fn reserve(&mut self, place: &Place, now: u64, until: u64) -> Result<u64, u64> {
        if !self.places.contains_key(place) && !self.make_room(now) {
            self.untracked += 1;
            return Ok(now);
        }
        let known = self.places.entry(place.clone()).or_default();
        let earliest = known.cells.iter().map(Cells::go_at).max().unwrap_or(0);
        let earliest = u64::try_from(earliest.max(0)).unwrap_or(u64::MAX);
        let at = earliest.max(known.closed_until).max(now);
        if at > until {
            return Err(at - now);
        }
        for cells in &mut known.cells {
            cells.base += i128::from(cells.interval);
        }
        known.under_way += 1;
        known.used = now;
        Ok(at)
    }

    /// A request that was reserved has its answer, or never will.
    pub(super) fn over(&mut self, place: &Place) {
        if let Some(known) = self.places.get_mut(place) {
            known.under_way = known.under_way.saturating_sub(1);
        }
    }

    /// What an answer said, after [`Paces::over`].
    pub(super) fn learn(&mut self, place: &Place, now: u64, told: Vec<Told>) {
        let Some(known) = self.places.get_mut(place) else {
            return;
        };
        for told in told {
            let interval = told.interval.unwrap_or_else(|| {
                let window = told.seconds * SECOND;
                window / told.left.max(1)
            });
            let base = if told.left == 0 {
                i128::from(now) + i128::from(told.seconds * SECOND) - i128::from(interval)
            } else {
                i128::from(now) - i128::from(told.left) * i128::from(interval)
            };
            let cells = Cells {
                // Those under way may not stand in what is left.
                base: base + i128::from(known.under_way) * i128::from(interval),
                policy: told.policy,
                interval,
            };
            let same = |other: &Cells| other.policy == cells.policy;
            match known.cells.iter().position(same) {
                Some(at) => known.cells[at] = cells,
                None if known.cells.len() < MAX_POLICIES => known.cells.push(cells),
                None => {}
            }
        }
    }

    /// Nothing goes to this place for a time.
    pub(super) fn close(&mut self, place: &Place, until: u64) {
        if let Some(known) = self.places.get_mut(place) {
            known.closed_until = known.closed_until.max(until);
        }
    }

    /// Room for one more place; what was longest unused goes, if nothing is
    /// under way there.
    fn make_room(&mut self, now: u64) -> bool {
        if self.places.len() < MAX_PLACES {
            return true;
        }
        let idle = self.places.iter().filter(|(_, known)| {
            known.under_way == 0
                && known.closed_until <= now
                && known
                    .cells
                    .iter()
                    .all(|cells| cells.go_at() <= i128::from(now))
        });
        let oldest = idle.min_by_key(|(_, known)| known.used);
        let Some(oldest) = oldest.map(|(place, _)| place.clone()) else {
            return false;
        };
        self.places.remove(&oldest).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;
    use crate::headers::left_and_window;
    use proptest::prelude::*;

    fn place(name: &str) -> Place {
        (name.into(), String::new())
    }

    fn told(left: u64, seconds: u64, interval: Option<u64>) -> Vec<Told> {
        vec![Told {
            policy: "p".into(),
            left,
            seconds,
            interval,
        }]
    }

    #[test]
    fn what_is_left_goes_at_once_and_then_one_by_one() {
        let (mut paces, here) = (Paces::default(), place("a"));
        assert_eq!(paces.reserve(&here, 0, 0), Ok(0));
        paces.over(&here);
        paces.learn(&here, 100, told(2, 2, Some(SECOND)));
        let go = |paces: &mut Paces| paces.reserve(&here, 100, u64::MAX).unwrap();
        let all: Vec<_> = (0..4).map(|_| go(&mut paces)).collect();
        assert_eq!(all, [100, 100, 100 + SECOND, 100 + 2 * SECOND]);
        assert_eq!(paces.reserve(&here, 100, 200), Err(3 * SECOND));
        assert_eq!(paces.reserve(&place("b"), 100, 200), Ok(100));
    }

    #[test]
    fn nothing_left_waits_for_the_window() {
        let (mut paces, here) = (Paces::default(), place("a"));
        let _ = paces.reserve(&here, 0, 0);
        paces.over(&here);
        paces.learn(&here, 0, told(0, 5, None));
        assert_eq!(paces.reserve(&here, 0, u64::MAX), Ok(5 * SECOND));
    }

    #[test]
    fn places_are_bounded_and_the_longest_unused_goes() {
        let mut paces = Paces::default();
        for at in 0..=MAX_PLACES as u64 {
            let here = place(&at.to_string());
            assert!(paces.reserve(&here, at, u64::MAX).is_ok());
            paces.over(&here);
        }
        assert_eq!((paces.places.len(), paces.untracked), (MAX_PLACES, 0));
        assert!(!paces.places.contains_key(&place("0")));
    }

    proptest! {
        /// One client and our own limiter: after the first answer nothing is denied,
        /// and the client doesn't fall much behind what it may send.
        #[test]
        fn a_paced_client_alone_is_never_denied(
            count in 1_u32..50, seconds in 1_u64..20, burst in 1_u32..20,
            gaps in proptest::collection::vec(0_u64..3_000, 40),
        ) {
            let quota = Quota::per(count, std::time::Duration::from_secs(seconds)).burst(burst);
            let gcra = quota.check().unwrap();
            let rate = seconds * SECOND / u64::from(count);
            let (mut paces, here) = (Paces::default(), place("a"));
            let (mut now, mut tat) = (SECOND, 0);
            for gap in gaps {
                now += gap * 1_000_000;
                now = paces.reserve(&here, now, u64::MAX).unwrap();
                let (decision, kept) = gcra.decide(tat, now, 1);
                prop_assert!(decision.allows(), "at {now} of {quota:?}");
                tat = kept;
                let (left, window) = left_and_window(&decision);
                paces.over(&here);
                paces.learn(&here, now, told(left.into(), window, Some(rate)));
            }
        }
    }
}
