//! When the next request may go, by what the server said of its limits.

use std::collections::HashMap;

use super::cells::Cells;
use super::fields::{MAX_POLICIES, Told};
use super::queue::{Queue, Ticket};

/// Places that are paced apart; the excess is not paced.
pub(super) const MAX_PLACES: usize = 256;

/// Requests without an answer that are kept in mind at a place; the oldest excess
/// is taken as counted.
const MAX_UNHEARD: usize = 1_024;

/// Whom requests are paced for: a server, and a part of its clients that the
/// caller tells apart.
pub(super) type Place = (String, String);

/// What is known of a place.
#[derive(Debug, Default)]
struct Known {
    cells: Vec<Cells>,
    /// Nothing goes before this reading: a `Retry-After`.
    closed_until: u64,
    /// Sent in all: the number of the newest.
    sent: u64,
    /// The newest of those whose answers told.
    told_by: u64,
    /// Sent and not answered yet: the server may not have counted them.
    under_way: u64,
    /// Those after `told_by` that ended without telling: what an answer to an
    /// older one says was said before the server counted them.
    unheard: Vec<u64>,
    queue: Queue,
    used: u64,
}

/// What becomes of a call that asks to go.
#[derive(Debug)]
pub(super) enum Joined {
    /// It goes at once as this number, and counts as under way.
    Goes(u64),
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
    /// It goes now as this number, and counts as under way.
    Goes(u64),
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

    fn go(&mut self, now: u64) -> u64 {
        for cells in &mut self.cells {
            cells.take(now);
        }
        self.under_way += 1;
        self.sent += 1;
        self.sent
    }

    /// What the answer to this request told, unless a newer one's stands.
    fn told(&mut self, number: u64, now: u64, told: Vec<Told>) {
        if number < self.told_by {
            return;
        }
        self.told_by = number;
        self.unheard.retain(|&unheard| unheard > number);
        let uncounted = self.under_way + self.unheard.len() as u64;
        let learnt = told.into_iter().take(MAX_POLICIES);
        let learnt = learnt.map(|told| Cells::new(told, now, uncounted));
        self.cells = learnt.collect();
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
            return Joined::Goes(known.go(now));
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
            return Turn::Goes(0);
        };
        let at = known.go_at(now, 0);
        let is_next = known.queue.is_next(ticket, now);
        if is_next && at <= now {
            let number = known.go(now);
            known.queue.leave(ticket, now);
            return Turn::Goes(number);
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
    pub(super) fn over(&mut self, place: &Place, number: u64) {
        let Some(known) = self.places.get_mut(place) else {
            return;
        };
        known.under_way = known.under_way.saturating_sub(1);
        if number > known.told_by {
            if known.unheard.len() >= MAX_UNHEARD {
                known.unheard.remove(0);
            }
            known.unheard.push(number);
        }
    }

    /// What the answer to a request said, after [`Paces::over`]. Policies that it does not name
    /// are gone; if it names none at all, which a server may do while much is
    /// left, those are gone that nobody told of for their whole window.
    pub(super) fn learn(&mut self, place: &Place, number: u64, now: u64, told: Vec<Told>) {
        let Some(known) = self.places.get_mut(place) else {
            return;
        };
        if told.is_empty() {
            known.cells.retain(|cells| !cells.is_stale(now));
        } else {
            known.told(number, now, told);
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

    /// The number of one that goes.
    fn goes(paces: &mut Paces, here: &Place, now: u64) -> u64 {
        match paces.join(here, now, now) {
            Joined::Goes(number) => number,
            other => panic!("{other:?}"),
        }
    }

    /// The answer to one that went.
    fn answer(paces: &mut Paces, here: &Place, number: u64, now: u64, told: Vec<Told>) {
        paces.over(here, number);
        paces.learn(here, number, now, told);
    }

    /// One goes and is answered.
    fn answered(paces: &mut Paces, here: &Place, now: u64, told: Vec<Told>) {
        let number = goes(paces, here, now);
        answer(paces, here, number, now, told);
    }

    /// The reading at which the next may go.
    fn next(paces: &mut Paces, here: &Place, now: u64) -> u64 {
        match paces.join(here, now, now) {
            Joined::Goes(_) => now,
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
        assert_eq!(turn, Turn::Goes(4));
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
        paces.learn(&here, 1, 1, told(9, 9, Some(SECOND)));
        let second = goes(&mut paces, &here, 1);
        paces.over(&here, second);

        answered(&mut paces, &here, 2, day);
        let hour = 3_600 * SECOND;
        paces.learn(&here, 3, 1 + hour, Vec::new());
        assert_eq!(next(&mut paces, &here, 1 + hour), 2 + hour);
        paces.learn(&here, 4, 2 + hour, Vec::new());
        for _ in 0..100 {
            assert_eq!(next(&mut paces, &here, 2 + hour), 2 + hour);
        }
    }

    #[test]
    fn what_went_after_is_not_in_what_an_answer_tells() {
        let (mut paces, here) = (Paces::default(), place("a"));
        let [first, second, third] = [(); 3].map(|()| goes(&mut paces, &here, 0));
        // The caller of the second left; the third is under way.
        paces.over(&here, second);
        answer(&mut paces, &here, first, 0, told(3, 3, Some(SECOND)));
        assert_eq!(next(&mut paces, &here, 0), 0);
        assert_eq!(next(&mut paces, &here, 0), SECOND);
        // It was counted after the second.
        answer(&mut paces, &here, third, 0, told(1, 1, Some(SECOND)));
        assert_eq!(next(&mut paces, &here, 0), SECOND);
    }

    #[test]
    fn an_answer_that_a_newer_one_overtook_tells_nothing() {
        let (mut paces, here) = (Paces::default(), place("a"));
        let [first, second] = [(); 2].map(|()| goes(&mut paces, &here, 0));
        answer(&mut paces, &here, second, 0, told(0, 5, Some(SECOND)));
        assert_eq!(next(&mut paces, &here, 0), 6 * SECOND);
        answer(&mut paces, &here, first, 0, told(9, 9, Some(SECOND)));
        assert_eq!(next(&mut paces, &here, 0), 6 * SECOND);
    }

    #[test]
    fn requests_that_nobody_answers_are_kept_in_mind_up_to_a_bound() {
        let (mut paces, here) = (Paces::default(), place("a"));
        for _ in 0..2 * MAX_UNHEARD {
            let number = goes(&mut paces, &here, 0);
            paces.over(&here, number);
        }
        assert_eq!(paces.places[&here].unheard.len(), MAX_UNHEARD);
        answered(&mut paces, &here, 0, told(1, 1, Some(SECOND)));
        assert!(paces.places[&here].unheard.is_empty());
        assert_eq!(next(&mut paces, &here, 0), 0);
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
            let number = goes(&mut paces, &here, at);
            paces.over(&here, number);
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
            let (mut now, mut tat, mut number) = (SECOND, 0, 0);
            for gap in gaps {
                now += gap * 1_000_000;
                if let Joined::TooLong(wait) = paces.join(&here, now, now) {
                    now += wait;
                    number = goes(&mut paces, &here, now);
                } else {
                    number += 1;
                }
                let (decision, kept) = gcra.decide(tat, now, 1);
                prop_assert!(decision.allows(), "at {now} of {quota:?}");
                tat = kept;
                let (left, window) = left_and_window(&decision);
                let mut told = told(left.into(), window, Some(rate));
                told[0].most = burst.into();
                answer(&mut paces, &here, number, now, told);
            }
        }
    }
}
