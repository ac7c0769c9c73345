//! The generic cell rate algorithm in whole nanoseconds.
//!
//! One word is kept for each key: the theoretical arrival time (TAT), when the
//! backlog of what was admitted will have drained. With interval T and limit
//! L = burst × T, a request of cost c at `now` has backlog
//! `b = min(max(tat − now, 0), L)` and passes if `b + c·T ≤ L`; then the TAT is
//! `now + b + c·T`. In any closed stretch of time W at most `burst + ⌊W / T⌋`
//! cells pass. The clamp of `b` to L is our own: whatever put a TAT far ahead
//! (a lowered quota, a clock that stepped back) costs at most L, not hours;
//! a denial gives back the clamped TAT, so that the wait it names holds.

/// The arithmetic of one quota; made by [`crate::Quota::check`].
///
/// ```
/// use plimsoll_ratelimit::Quota;
/// use plimsoll_ratelimit::gcra::Verdict;
///
/// let gcra = Quota::per_second(2).burst(1).check().unwrap();
/// let (first, tat) = gcra.decide(0, 1_000, 1);
/// assert_eq!(first.verdict, Verdict::Allow);
///
/// let (second, _) = gcra.decide(tat, 1_000, 1);
/// assert_eq!(second.verdict, Verdict::Deny { retry_after: 500_000_000 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    interval: u64,
    burst: u32,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request passes.
    Allow,
    /// The request does not pass now.
    Deny {
        /// Nanoseconds until the same request would pass, if no other comes.
        retry_after: u64,
    },
    /// The request costs more than the burst and never passes.
    NeverFits,
}

/// A verdict and what is left after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Whole cells left.
    pub remaining: u32,
    /// Nanoseconds of the limit that are not used up: L − backlog.
    pub slack: u64,
    /// Nanoseconds until one more cell can pass; 0 when one can now.
    pub next_cell: u64,
    /// The key's TAT after it, in the time of who decided.
    pub tat: u64,
}

impl Decision {
    /// Whether the request passes.
    #[inline]
    pub const fn allows(&self) -> bool {
        matches!(self.verdict, Verdict::Allow)
    }
}

impl Gcra {
    pub(crate) const fn new(interval: u64, burst: u32) -> Self {
        Self { interval, burst }
    }

    /// Both numbers in one word: six bits that say how wide the burst is, the
    /// burst, the interval. L is under 2⁵³ ([`crate::quota::MAX_REFILL`]), so a
    /// burst of w bits leaves an interval of at most 54 − w + 1 bits, 61 in all.
    #[inline]
    pub(crate) const fn packed(self) -> u64 {
        let width = u32::BITS - self.burst.leading_zeros();
        self.interval << (6 + width) | (self.burst as u64) << 6 | width as u64
    }

    /// The reverse of [`Gcra::packed`].
    #[inline]
    pub(crate) const fn unpacked(word: u64) -> Self {
        let width = word & 63;
        Self {
            interval: word >> (6 + width),
            burst: (word >> 6 & ((1 << width) - 1)) as u32,
        }
    }

    /// Nanoseconds in which one cell comes back (T).
    #[inline]
    pub const fn interval(self) -> u64 {
        self.interval
    }

    /// Cells there are at most (B).
    #[inline]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// Nanoseconds in which a whole burst comes back (L).
    #[inline]
    pub const fn limit(self) -> u64 {
        self.interval * self.burst as u64
    }

    /// Decides a request of `cost` cells at `now` against a key's TAT (0 when
    /// it has none), and gives the TAT to keep. A cost of 0 only looks.
    #[inline]
    pub const fn decide(self, tat: u64, now: u64, cost: u32) -> (Decision, u64) {
        let limit = self.limit();
        let ahead = tat.saturating_sub(now);
        let backlog = if ahead < limit { ahead } else { limit };
        let wanted = self.interval.saturating_mul(cost as u64);
        let after = backlog.saturating_add(wanted);
        let (verdict, backlog) = if after <= limit {
            (Verdict::Allow, after)
        } else if cost > self.burst {
            (Verdict::NeverFits, backlog)
        } else {
            let retry_after = after - limit;
            (Verdict::Deny { retry_after }, backlog)
        };
        let slack = limit - backlog;
        let tat = now.saturating_add(backlog);
        let decision = Decision {
            verdict,
            // Of use to few: without a case that panics a compiler may leave it out.
            remaining: match slack.checked_div(self.interval) {
                Some(cells) => cells as u32,
                None => 0,
            },
            slack,
            next_cell: self.interval.saturating_sub(slack),
            tat,
        };
        (decision, tat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn any_gcra()(interval in 1_000_u64..2_000_000, burst in 1_u32..50) -> Gcra {
            Gcra::new(interval, burst)
        }
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_admits_more_than_the_bound(
            gcra in any_gcra(),
            steps in prop::collection::vec((0_u64..3_000_000, 1_u32..4), 1..120),
        ) {
            let (mut now, mut tat) = (7, 0);
            let mut admitted: Vec<(u64, u64)> = Vec::new();
            for (step, cost) in steps {
                now += step;
                let (decision, kept) = gcra.decide(tat, now, cost);
                tat = kept;
                if decision.allows() {
                    admitted.push((now, u64::from(cost)));
                }
            }
            for (first, (start, _)) in admitted.iter().enumerate() {
                let mut cells = 0;
                for (end, cost) in &admitted[first..] {
                    cells += cost;
                    let bound = u64::from(gcra.burst) + (end - start) / gcra.interval;
                    prop_assert!(cells <= bound, "{cells} > {bound}");
                }
            }
        }

        #[test]
        fn the_wait_is_exact_to_the_nanosecond(
            gcra in any_gcra(), tat in 0_u64..200_000_000, now in 0_u64..100_000_000, cost in 1_u32..50,
        ) {
            let (decision, kept) = gcra.decide(tat, now, cost);
            if let Verdict::Deny { retry_after } = decision.verdict {
                prop_assert!(!gcra.decide(kept, now + retry_after - 1, cost).0.allows());
                prop_assert!(gcra.decide(kept, now + retry_after, cost).0.allows());
            }
        }

        #[test]
        fn a_tat_far_ahead_costs_at_most_the_limit(gcra in any_gcra(), ahead: u64, now in 0_u64..1 << 40) {
            let (decision, kept) = gcra.decide(ahead, now, 1);
            prop_assert!(kept <= now + gcra.limit());
            if let Verdict::Deny { retry_after } = decision.verdict {
                prop_assert!(retry_after <= gcra.interval);
            }
        }

        #[test]
        fn what_is_said_to_remain_passes_at_once_and_no_more(gcra in any_gcra(), tat in 0_u64..1 << 30) {
            let (look, kept) = gcra.decide(tat, 1 << 20, 0);
            if look.remaining > 0 {
                prop_assert!(gcra.decide(kept, 1 << 20, look.remaining).0.allows());
            }
            prop_assert!(!gcra.decide(kept, 1 << 20, look.remaining + 1).0.allows());
        }
    }

    proptest! {
        #[test]
        fn a_quota_packed_is_the_same_unpacked(count in 1_u32.., window in 1_u64..8_000_000, burst in 1_u32..) {
            let quota = crate::Quota::per(count, std::time::Duration::from_secs(window)).burst(burst);
            prop_assume!(quota.check().is_ok());
            let gcra = quota.check().unwrap();
            prop_assert_eq!(Gcra::unpacked(gcra.packed()), gcra);
        }
    }

    #[test]
    fn the_widest_quotas_fit_a_word() {
        let most = crate::quota::MAX_REFILL.as_nanos() as u64;
        for burst in [1, 2, 3, 1_000, 1 << 20, 7_000_000] {
            let gcra = Gcra::new(most / u64::from(burst), burst);
            assert_eq!(Gcra::unpacked(gcra.packed()), gcra);
        }
        let gcra = Gcra::new(1_000, u32::MAX);
        assert_eq!(Gcra::unpacked(gcra.packed()), gcra);
    }

    #[test]
    fn a_cost_over_the_burst_is_no_wait() {
        let gcra = Gcra::new(1_000, 5);
        assert_eq!(gcra.decide(0, 9, 6).0.verdict, Verdict::NeverFits);
        assert_eq!(gcra.decide(0, 9, 5).0.verdict, Verdict::Allow);
    }
}
