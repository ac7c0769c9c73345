//! The cells that a request took, so that they can be given back.

use super::subject::Found;
use super::{Limiter, MAX_LIMITS, Policy};
use crate::gcra::Decision;
use crate::store::Id;

/// What an allowed request took of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Debit {
    id: Id,
    /// Nanoseconds of the key's limit.
    nanos: u64,
    /// The key's TAT after it. What had drained by itself since then is not
    /// given back a second time.
    tat: u64,
}

impl Debit {
    #[inline]
    fn of(found: &Found, decision: &Decision) -> Option<Self> {
        if !decision.allows() || found.cost == 0 {
            return None;
        }
        Some(Self {
            id: found.id,
            nanos: found.gcra.interval().saturating_mul(found.cost.into()),
            tat: decision.tat,
        })
    }

    fn refund(&self, policy: &Policy, now: u64) {
        let left = self.tat.saturating_sub(now).min(self.nanos);
        policy.store.give_back(self.id, left, now);
    }
}

/// What an allowed request took of all limits of a [`Limiter`]; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Debits(Taken);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Taken {
    #[default]
    Nothing,
    /// By an only limit, as most services have.
    OfOne(Debit),
    /// By place of the limit.
    OfSeveral(Box<[Option<Debit>; MAX_LIMITS]>),
}

impl Debits {
    /// By the word of an only limit.
    #[inline]
    pub(super) fn of_one(found: &Found, decision: &Decision) -> Self {
        let debit = Debit::of(found, decision);
        Self(debit.map_or(Taken::Nothing, Taken::OfOne))
    }

    /// By the words of several, in their order.
    pub(super) fn of_several(decided: impl Iterator<Item = Option<(Found, Decision)>>) -> Self {
        let mut all = Box::new([None; MAX_LIMITS]);
        for (place, decided) in all.iter_mut().zip(decided) {
            *place = decided.and_then(|(found, decision)| Debit::of(&found, &decision));
        }
        Self(Taken::OfSeveral(all))
    }
}

impl Limiter {
    /// Gives back what a request took that was refused further inside: it got
    /// nothing for it. Cells that have come back by themselves meanwhile are not
    /// given a second time.
    ///
    /// ```
    /// use plimsoll_core::{Clock, Mode, peer::{PeerAddr, Trust}};
    /// use plimsoll_ratelimit::{Limit, Limiter, Quota};
    ///
    /// let limit = Limit::per_client().quota(Quota::per_hour(1));
    /// let (clock, _hand) = Clock::manual();
    /// let limiter = Limiter::new([limit], clock, Trust::nobody())?;
    /// let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
    /// let (parts, ()) = http::Request::builder().extension(peer).body(()).unwrap().into_parts();
    ///
    /// let answer = limiter.decide(&parts, Mode::Enforce);
    /// limiter.give_back(&answer.debits);
    /// assert!(limiter.decide(&parts, Mode::Enforce).denied.is_none());
    /// assert!(limiter.decide(&parts, Mode::Enforce).denied.is_some());
    /// # Ok::<(), plimsoll_ratelimit::LimitError>(())
    /// ```
    pub fn give_back(&self, debits: &Debits) {
        let limiter = &*self.0;
        let now = limiter.clock.now();
        match &debits.0 {
            Taken::Nothing => {}
            Taken::OfOne(debit) => {
                if let [policy] = &*limiter.policies {
                    debit.refund(policy, now);
                }
            }
            Taken::OfSeveral(all) => {
                for (debit, policy) in all.iter().zip(&limiter.policies) {
                    if let Some(debit) = debit {
                        debit.refund(policy, now);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limit, Quota};
    use http::request::Parts;
    use plimsoll_core::peer::{PeerAddr, Trust};
    use plimsoll_core::{Clock, Mode};
    use std::time::Duration;

    fn parts() -> Parts {
        let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
        let request = http::Request::builder().extension(peer).body(());
        request.unwrap().into_parts().0
    }

    #[test]
    fn what_came_back_by_itself_is_not_given_a_second_time() {
        let (clock, hand) = Clock::manual();
        let limit = Limit::per_client().quota(Quota::per_second(1));
        let limiter = Limiter::new([limit], clock, Trust::nobody()).unwrap();
        let asks = || limiter.decide(&parts(), Mode::Enforce);
        let first = asks();
        hand.advance(Duration::from_secs(5));
        assert!(asks().denied.is_none());
        hand.advance(Duration::from_millis(100));
        limiter.give_back(&first.debits);
        assert!(asks().denied.is_some());
        hand.advance(Duration::from_millis(900));
        assert!(asks().denied.is_none());
    }

    /// A key without a slot is decided at a later reading of the clock than its
    /// request came with.
    #[test]
    fn a_new_key_gets_back_all_it_took_however_long_its_slot_was_looked_for() {
        let (clock, hand) = Clock::manual();
        let limit = Limit::per_client().quota(Quota::per_hour(1));
        let limiter = Limiter::new([limit], clock.clone(), Trust::nobody()).unwrap();
        let came = clock.now();
        hand.advance(Duration::from_mins(1));
        let mut request = http::Request::from_parts(parts(), ());
        let word = limiter.decide_request(&mut request, Mode::Enforce, Some(came), None);
        let answer = word.answer();
        assert!(answer.denied.is_none());
        hand.advance(Duration::from_secs(1));
        limiter.give_back(&answer.debits);
        assert!(limiter.peek(&parts())[0].1.allows());
    }

    #[test]
    fn only_what_was_taken_is_given_back_and_to_every_limit() {
        let limit = |name: &str, quota| Limit::per_client().named(name).quota(quota);
        let limits = [
            limit("wide", Quota::per_hour(9)).cost(2),
            limit("tight", Quota::per_hour(1)).mode(Mode::Observe),
        ];
        let limiter = Limiter::new(limits, Clock::manual().0, Trust::nobody()).unwrap();
        let left = || {
            let said = limiter.peek(&parts()).into_iter();
            said.map(|(_, decision)| (decision.remaining, decision.allows()))
                .collect::<Vec<_>>()
        };
        let (one, two) = (
            limiter.decide(&parts(), Mode::Enforce),
            limiter.decide(&parts(), Mode::Enforce),
        );
        assert_eq!(left(), [(3, true), (0, false)]);
        // The second took nothing of the limit that only observes.
        limiter.give_back(&two.debits);
        assert_eq!(left(), [(5, true), (0, false)]);
        limiter.give_back(&one.debits);
        assert_eq!(left(), [(7, true), (0, true)]);
    }
}
