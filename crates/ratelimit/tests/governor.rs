//! The same decisions as `governor`, an independent GCRA, on the same sequence
//! of times and costs: for quotas whose interval is a whole number of
//! nanoseconds, as governor rounds others down and we round them up.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, FakeRelativeClock};
use governor::{NotUntil, RateLimiter};
use plimsoll_core::Clock;
use plimsoll_ratelimit::Quota;
use plimsoll_ratelimit::gcra::Verdict;
use plimsoll_ratelimit::store::Local;
use proptest::prelude::*;

/// A quota of so many a second whose interval is whole, and its interval.
fn any_rate() -> impl Strategy<Value = (u32, u64)> {
    const RATES: &[u32] = &[1, 2, 4, 5, 8, 10, 25, 100, 125, 1_000, 8_000, 1_000_000];
    prop::sample::select(RATES).prop_map(|rate| (rate, 1_000_000_000 / u64::from(rate)))
}

proptest! {
    #[test]
    fn decisions_and_waits_equal_governors(
        (rate, interval) in any_rate(),
        burst in 1_u32..40,
        // In quarters of an interval, and a few odd nanoseconds.
        steps in prop::collection::vec((0_u64..12, 0_u64..3, 1_u32..6), 1..200),
    ) {
        let peer = {
            let period = Duration::from_nanos(interval);
            let quota = governor::Quota::with_period(period).unwrap();
            quota.allow_burst(NonZeroU32::new(burst).unwrap())
        };
        let fake = FakeRelativeClock::default();
        let peer = RateLimiter::direct_with_clock(peer, fake.clone());

        let (clock, hand) = Clock::manual();
        let store = Local::new(100, clock.clone());
        let gcra = Quota::per_second(rate).burst(burst).check().unwrap();
        let id = store.identity().bytes(b"key");

        for (quarters, odd, cost) in steps {
            let step = Duration::from_nanos(quarters * interval / 4 + odd);
            fake.advance(step);
            hand.advance(step);
            let cells = NonZeroU32::new(cost).unwrap();
            let wait = |no: NotUntil<_>| no.wait_time_from(fake.now()).as_nanos() as u64;
            let theirs = match peer.check_n(cells) {
                Ok(Ok(())) => Verdict::Allow,
                Ok(Err(no)) => Verdict::Deny { retry_after: wait(no) },
                Err(_) => Verdict::NeverFits,
            };
            let ours = store.decide(id, gcra, cost, clock.now());
            prop_assert_eq!(ours.verdict, theirs);
            // Who waits exactly that long, alone, passes.
            if let Verdict::Deny { retry_after } = ours.verdict {
                let then = clock.now() + retry_after;
                prop_assert!(store.peek(id, gcra, cost, then).allows());
                prop_assert!(!store.peek(id, gcra, cost, then - 1).allows());
            }
        }
    }
}
