//! When the next request may go, by what the server said of its limits.

use std::collections::HashMap;

use super::cells::Cells;
use super::fields::{MAX_POLICIES, Told};
use super::queue::{Queue, Ticket};

/// Places that are paced apart; the excess is not paced.
pub(super) const MAX_PLACES: usize = 256;

/// Whom requests are paced for: a server, and a part of its clients that the
/// caller tells apart.
pub(super) type Place = (String, String);

/// What is known of a place.
#[derive(Debug, Default)]
struct Known {
    cells: Vec<Cells>,
    /// Nothing goes before this reading: a `Retry-After`.
    closed_until: u64,
    /// Sent and not answered yet: the server may not have counted them.
    under_way: u64,
    queue: Queue,
    used: u64,
}

/// What becomes of a call that asks to go.
#[derive(Debug)]
pub(super) enum Joined {
    /// It goes at once, and counts as under way.
    Goes,
    /// It goes at once, since there are too many places.
    Untracked,
    /// It waits in the queue.
    Waits(Ticket),
    /// It would have to wait so many nanoseconds, which its caller will not.
    TooLong(u64),
    /// Too many calls wait.
    Full,
}

/// What becomes of a call that waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It goes now, and counts as under way.
    Goes,
    /// It asks again at this reading, or when it is called.
    At(u64),
    /// It would have to wait so many nanoseconds more, which its caller will not.
    TooLong(u64),
}

/// The paces of all places. Readings are nanoseconds of one clock.
#[derive(Debug, Default)]
pub(super) struct Paces {
    places: HashMap<Place, Known>,
}

impl Known {
    /// The reading at which one may go after so many others.
    fn go_at(&self, now: u64, ahead: usize) -> u64 {
        let cells = self.cells.iter().map(|cells| cells.go_at(now, ahead));
        cells.max().unwrap_or(0).max(self.closed_until).max(now)
    }

    fn go(&mut self, now: u64) {
        for cells in &mut self.cells {
            cells.take(now);
        }
        self.under_way += 1;
    }

    fn is_idle(&self, now: u64) -> bool {
        self.under_way == 0 && self.queue.is_empty() && self.go_at(now, 0) <= now
    }
}

impl Paces {
    /// Asks to go, or to wait in the queue if the turn comes by `until`.
    pub(super) fn join(&mut self, place: &Place, now: u64, until: u64) -> Joined {
        if !self.places.contains_key(place) && !self.make_room(now) {
            return Joined::Untracked;
        }
        let known = self.places.entry(place.clone()).or_default();
        known.used = now;
        let ahead = known.queue.ahead(now);
        let at = known.go_at(now, ahead);
        if at > until {
            return Joined::TooLong(at - now);
        }
        if at <= now && ahead == 0 {
            known.go(now);
            return Joined::Goes;
        }
        if known.queue.is_full() {
            return Joined::Full;
        }
        Joined::Waits(known.queue.join(now))
    }

    /// Whether it is the turn of one that waits.
    pub(super) fn turn(&mut self, place: &Place, ticket: &Ticket, now: u64, until: u64) -> Turn {
        let Some(known) = self.places.get_mut(place) else {
            // A place where one waits is kept.
            return Turn::Goes;
        };
        let at = known.go_at(now, 0);
        let is_next = known.queue.is_next(ticket, now);
        if is_next && at <= now {
            known.go(now);
            known.queue.leave(ticket, now);
            return Turn::Goes;
        }
        if until <= now || (is_next && at > until) {
            known.queue.leave(ticket, now);
            return Turn::TooLong(at - now);
        }
        if is_next {
            return Turn::At(at);
        }
        if at <= now {
            known.queue.call_next(now);
        }
        Turn::At(until)
    }

    /// The caller of one that waits is gone.
    pub(super) fn give_up(&mut self, place: &Place, ticket: &Ticket, now: u64) {
        if let Some(known) = self.places.get_mut(place) {
            known.queue.give_up(ticket, now);
        }
    }

    /// A request that went has its answer, or never will.
    pub(super) fn over(&mut self, place: &Place) {
        if let Some(known) = self.places.get_mut(place) {
            known.under_way = known.under_way.saturating_sub(1);
        }
    }

    /// What an answer said, after [`Paces::over`]. Policies that it does not name
    /// are gone; if it names none at all, which a server may do while much is
    /// left, those are gone that nobody told of for their whole window.
    pub(super) fn learn(&mut self, place: &Place, now: u64, told: Vec<Told>) {
        let Some(known) = self.places.get_mut(place) else {
            return;
        };
        if told.is_empty() {
            known.cells.retain(|cells| !cells.is_stale(now));
        } else {
            let learnt = told.into_iter().take(MAX_POLICIES);
            let learnt = learnt.map(|told| Cells::new(told, now, known.under_way));
            known.cells = learnt.collect();
        }
        known.queue.call_next(now);
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
        let idle = self.places.iter().filter(|(_, known)| known.is_idle(now));
        let oldest = idle.min_by_key(|(_, known)| known.used);
        let Some(oldest) = oldest.map(|(place, _)| place.clone()) else {
            return false;
        };
        self.places.remove(&oldest).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::SECOND;
    use super::super::queue::MAX_WAITING;
    use super::*;
    use crate::Quota;
    use crate::headers::left_and_window;
    use proptest::prelude::*;

    fn place(name: &str) -> Place {
        (name.into(), String::new())
    }

    fn told(left: u64, seconds: u64, interval: Option<u64>) -> Vec<Told> {
        vec![Told {
            left,
            seconds,
            interval,
            window: None,
            most: 0,
        }]
    }

    /// One goes and is answered.
    fn answered(paces: &mut Paces, here: &Place, now: u64, told: Vec<Told>) {
        assert!(matches!(paces.join(here, now, now), Joined::Goes));
        paces.over(here);
        paces.learn(here, now, told);
    }

    /// The reading at which the next may go.
    fn next(paces: &mut Paces, here: &Place, now: u64) -> u64 {
        match paces.join(here, now, now) {
            Joined::Goes => now,
            Joined::TooLong(wait) => now + wait,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_left_goes_at_once_and_then_one_by_one() {
        let (mut paces, here) = (Paces::default(), place("a"));
        answered(&mut paces, &here, 100, told(2, 2, Some(SECOND)));
        for at in [100, 100, 100 + SECOND] {
            assert_eq!(next(&mut paces, &here, 100), at);
        }
        let Joined::Waits(first) = paces.join(&here, 100, u64::MAX) else {
            panic!("it waits");
        };
        let Joined::TooLong(wait) = paces.join(&here, 100, 200) else {
            panic!("its turn is after the other");
        };
        assert_eq!(wait, 2 * SECOND);
        let turn = paces.turn(&here, &first, 100, u64::MAX);
        assert_eq!(turn, Turn::At(100 + SECOND));
        let turn = paces.turn(&here, &first, 100 + SECOND, u64::MAX);
        assert_eq!(turn, Turn::Goes);
        assert_eq!(next(&mut paces, &place("b"), 100), 100);
    }

    #[test]
    fn nothing_left_waits_for_the_window() {
        let (mut paces, here) = (Paces::default(), place("a"));
        answered(&mut paces, &here, 0, told(0, 5, None));
        assert_eq!(next(&mut paces, &here, 0), 5 * SECOND);
    }

    #[test]
    fn what_is_not_used_adds_up_to_the_burst_and_no_further() {
        let (mut paces, here) = (Paces::default(), place("a"));
        let mut burst = told(0, 1, Some(SECOND));
        burst[0].most = 3;
        answered(&mut paces, &here, 0, burst);
        let later = 100 * SECOND;
        for at in [later, later, later, later + SECOND] {
            assert_eq!(next(&mut paces, &here, later), at);
        }
    }

    #[test]
    fn a_policy_is_gone_that_an_answer_does_not_name_or_that_nobody_told_again() {
        let (mut paces, here) = (Paces::default(), place("a"));
        let day = told(0, 3_600, Some(SECOND));
        answered(&mut paces, &here, 0, day.clone());
        paces.learn(&here, 1, told(9, 9, Some(SECOND)));
        assert_eq!(next(&mut paces, &here, 1), 1);
        paces.over(&here);

        answered(&mut paces, &here, 2, day);
        let hour = 3_600 * SECOND;
        paces.learn(&here, 1 + hour, Vec::new());
        assert_eq!(next(&mut paces, &here, 1 + hour), 2 + hour);
        paces.learn(&here, 2 + hour, Vec::new());
        for _ in 0..100 {
            assert_eq!(next(&mut paces, &here, 2 + hour), 2 + hour);
        }
    }

    #[test]
    fn those_that_wait_are_bounded() {
        let (mut paces, here) = (Paces::default(), place("a"));
        answered(&mut paces, &here, 0, told(0, 5, Some(1)));
        for _ in 0..MAX_WAITING {
            let joined = paces.join(&here, 0, u64::MAX);
            assert!(matches!(joined, Joined::Waits(_)));
        }
        assert!(matches!(paces.join(&here, 0, u64::MAX), Joined::Full));
    }

    #[test]
    fn places_are_bounded_and_the_longest_unused_goes() {
        let mut paces = Paces::default();
        for at in 0..=MAX_PLACES as u64 {
            let here = place(&at.to_string());
            assert!(matches!(paces.join(&here, at, at), Joined::Goes));
            paces.over(&here);
        }
        assert_eq!(paces.places.len(), MAX_PLACES);
        assert!(!paces.places.contains_key(&place("0")));
        for at in 1..=MAX_PLACES as u64 {
            let _ = paces.join(&place(&at.to_string()), 300, 300);
        }
        let joined = paces.join(&place("busy"), 300, 300);
        assert!(matches!(joined, Joined::Untracked));
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
                let at = next(&mut paces, &here, now);
                if at > now {
                    now = at;
                    prop_assert_eq!(next(&mut paces, &here, now), now);
                }
                let (decision, kept) = gcra.decide(tat, now, 1);
                prop_assert!(decision.allows(), "at {now} of {quota:?}");
                tat = kept;
                let (left, window) = left_and_window(&decision);
                paces.over(&here);
                let mut told = told(left.into(), window, Some(rate));
                told[0].most = burst.into();
                paces.learn(&here, now, told);
            }
        }
    }
}
