//! What else can be done with limits than decide by them.

use std::sync::PoisonError;

use http::request::Parts;

use super::subject::{Found, Subject};
use super::{Limiter, Policy};
use crate::gcra::Decision;
use crate::limit::LimitError;
use crate::quota::Quota;

impl Limiter {
    /// Changes a limit's quota while it runs. What its keys have used up stays:
    /// a raised quota gives what it adds at once, a lowered one costs a key at
    /// most its own burst. Keys with a plan keep theirs. A request that is being
    /// decided goes by the old quota or the new one, never by parts of both.
    ///
    /// ```
    /// use plimsoll_core::{Clock, peer::Trust};
    /// use plimsoll_ratelimit::{Limit, Limiter, Quota};
    ///
    /// let limit = Limit::per_client().quota(Quota::per_second(10));
    /// let limiter = Limiter::new([limit], Clock::system(), Trust::nobody())?;
    /// limiter.set_quota("per-client", Quota::per_second(20))?;
    /// assert_eq!(limiter.advertised().unwrap(), r#""per-client";q=20;w=1"#);
    /// # Ok::<(), plimsoll_ratelimit::LimitError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such limit, the quota cannot be kept, or a request's
    /// cost would never fit it. Then nothing changes.
    pub fn set_quota(&self, policy: &str, quota: Quota) -> Result<(), LimitError> {
        let limiter = &*self.0;
        let one_at_a_time = limiter.changing.lock();
        let _changing = one_at_a_time.unwrap_or_else(PoisonError::into_inner);
        let named = self.fits(policy, quota)?;
        let not_kept = |error| LimitError::Quota {
            name: policy.into(),
            error,
        };
        named.rate.set(quota).map_err(not_kept)?;
        named.look_at_quota(&limiter.findings);
        limiter.advertised.change(&limiter.policies);
        Ok(())
    }

    /// Whether [`Limiter::set_quota`] would take this quota.
    ///
    /// # Errors
    /// As there.
    pub fn check_quota(&self, policy: &str, quota: Quota) -> Result<(), LimitError> {
        self.fits(policy, quota).map(|_| ())
    }

    fn fits(&self, policy: &str, quota: Quota) -> Result<&Policy, LimitError> {
        let named = self.0.policies.iter().find(|known| known.name == policy);
        let named = named.ok_or_else(|| LimitError::Unknown(policy.into()))?;
        quota.check().map_err(|error| LimitError::Quota {
            name: policy.into(),
            error,
        })?;
        named.cost.check(named.name, quota.burst_size())?;
        Ok(named)
    }

    /// What each limit would say of this request now, by name; takes and counts
    /// nothing. A limit that is off or finds no key says nothing.
    pub fn peek(&self, parts: &Parts) -> Vec<(&'static str, Decision)> {
        let said = |policy: &Policy, found: Found, now| {
            let decision = policy.store.peek(found.id, found.gcra, found.cost, now);
            (policy.name, decision)
        };
        self.each(parts, said)
    }

    /// Gives back the cells that an allowed request took, say because it turned
    /// out not to count. A key never has more than its burst.
    ///
    /// Keys and costs are found anew: client and route by the record of the
    /// request being polled here, identities by the extensions that `parts` has
    /// now. Called elsewhere, say in a spawned task, there is no record, so that
    /// the client is found by `parts` alone and a limit by route finds no key.
    /// Whoever has the [`super::Answer`] takes [`Limiter::give_back`], which
    /// knows what was taken.
    pub fn refund(&self, parts: &Parts) {
        self.each(parts, |policy, found, now| {
            policy.store.refund(found.id, found.gcra, found.cost, now);
        });
    }

    fn each<T>(&self, parts: &Parts, mut act: impl FnMut(&Policy, Found, u64) -> T) -> Vec<T> {
        let limiter = &*self.0;
        let subject = Subject::of(parts, limiter);
        let now = limiter.clock.now();
        let mut found = |policy| Some(act(policy, subject.look(policy, limiter)?, now));
        limiter.policies.iter().filter_map(&mut found).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limit;
    use plimsoll_core::peer::{PeerAddr, Trust};
    use plimsoll_core::{Clock, Mode};
    use std::time::Duration;

    fn parts() -> Parts {
        let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
        let request = http::Request::builder().extension(peer).body(());
        request.unwrap().into_parts().0
    }

    fn limiter(limits: impl IntoIterator<Item = Limit>, clock: Clock) -> Limiter {
        Limiter::new(limits, clock, Trust::nobody()).unwrap()
    }

    fn left(limiter: &Limiter) -> Vec<u32> {
        let said = limiter.peek(&parts());
        said.iter()
            .map(|(_, decision)| decision.remaining)
            .collect()
    }

    #[test]
    fn a_changed_quota_keeps_what_was_used_up() {
        let (clock, hand) = Clock::manual();
        let limit = Limit::per_client().quota(Quota::per_minute(10));
        let limiter = limiter([limit], clock);
        let passes = || limiter.decide(&parts(), Mode::Enforce).denied.is_none();
        assert_eq!((0..20).filter(|_| passes()).count(), 10);

        // Six seconds a cell for ten cells are three seconds for twenty.
        limiter
            .set_quota("per-client", Quota::per_minute(20))
            .unwrap();
        assert!(!passes());
        hand.advance(Duration::from_secs(3));
        assert!(passes() && !passes());

        // A minute's backlog of the raised quota is clamped to one second.
        limiter
            .set_quota("per-client", Quota::per_second(1))
            .unwrap();
        assert!(!passes());
        hand.advance(Duration::from_secs(1));
        assert!(passes() && !passes());
    }

    #[test]
    fn a_quota_that_cannot_be_kept_changes_nothing() {
        let limit = Limit::per_client().quota(Quota::per_minute(9)).cost(5);
        let limiter = limiter([limit], Clock::manual().0);
        for (name, quota, told) in [
            ("per-clinet", Quota::per_minute(9), "no limit is named"),
            ("per-client", Quota::per_minute(0), "at least 1"),
            (
                "per-client",
                Quota::per_minute(4),
                "never fits a burst of 4",
            ),
        ] {
            let error = limiter.set_quota(name, quota).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert_eq!(limiter.advertised().unwrap(), r#""per-client";q=9;w=60"#);
    }

    #[test]
    fn a_refund_gives_back_the_cells_of_every_limit_and_a_look_takes_none() {
        let named = |name: &str, cost| {
            let limit = Limit::per_client().named(name).cost(cost);
            limit.quota(Quota::per_hour(10))
        };
        let limiter = limiter([named("one", 1), named("four", 4)], Clock::manual().0);
        limiter.decide(&parts(), Mode::Enforce);
        assert_eq!(left(&limiter), [8, 2]);
        limiter.refund(&parts());
        assert_eq!(left(&limiter), [9, 6]);
        limiter.refund(&parts());
        assert_eq!(left(&limiter), [9, 6]);
        assert!(limiter.stats().iter().all(|stat| stat.count <= 1));
    }

    #[test]
    fn threads_see_the_old_quota_or_the_new_one() {
        let clock = Clock::manual().0;
        let limiter = limiter([Limit::per_client().quota(Quota::per_second(1_000))], clock);
        let (small, large) = (Quota::per_hour(1), Quota::per_second(1_000_000));
        let whole = [small, large, Quota::per_second(1_000)].map(|quota| quota.check().unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..5_000 {
                    let quota = if round % 2 == 0 { small } else { large };
                    limiter.set_quota("per-client", quota).unwrap();
                }
            });
            for _ in 0..20_000 {
                assert!(whole.contains(&limiter.0.policies[0].rate.gcra()));
            }
        });
    }
}
