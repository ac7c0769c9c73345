//! What the table promises, by virtual time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_core::Clock;
use proptest::prelude::*;

use super::local::{fill, looked_at};
use super::{Id, Local};
use crate::Quota;
use crate::gcra::{Gcra, Verdict};

fn gcra(quota: Quota) -> Gcra {
    quota.check().unwrap()
}

fn id(store: &Local, key: u64) -> Id {
    store.identity().number(key)
}

#[test]
fn a_flood_of_keys_takes_no_memory_and_evicts_no_active_key() {
    let (clock, hand) = Clock::manual();
    let store = Local::new(3_000, clock.clone());
    let hourly = gcra(Quota::per_hour(5));
    let regular = store.identity().bytes(b"regular");
    assert_eq!(store.decide(regular, hourly, 4, clock.now()).remaining, 1);
    for key in 0..50_000 {
        store.decide(id(&store, key), hourly, 1, clock.now());
    }
    assert_eq!(store.peek(regular, hourly, 0, clock.now()).remaining, 1);
    assert!(store.active(clock.now()) <= 4_000);
    assert!(store.coarsened() > 40_000);
    // The flood's keys share cells: the limit has not opened for them.
    let more = |key: &u64| {
        store
            .decide(id(&store, *key), hourly, 1, clock.now())
            .allows()
    };
    assert_eq!((60_000..61_000).filter(more).count(), 0);
    hand.advance(Duration::from_hours(5));
    assert_eq!(store.active(clock.now()), 0);
    assert!(more(&60_000));
}

/// A table without a free slot, for longer than any test.
fn full(clock: &Clock) -> Local {
    let store = Local::new(12, clock.clone());
    let slow = gcra(Quota::per_hour(1));
    for key in 0..300 {
        store.decide(id(&store, key), slow, 1, clock.now());
    }
    assert_eq!(store.active(clock.now()), store.slots_in_all());
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn quotas_that_meet_at_a_full_desk_are_decided_as_if_each_were_alone(
        asks in prop::collection::vec((0_usize..2, 1_u32..4, 0_u64..40_000_000, any::<bool>()), 1..200),
    ) {
        let (clock, hand) = Clock::manual();
        let store = full(&clock);
        let quotas = [Quota::per_hour(3).burst(10), Quota::per_second(1_000).burst(10)].map(gcra);
        let mut alone = [0_u64; 2];
        for (key, (which, cost, step, take)) in asks.into_iter().enumerate() {
            hand.advance(Duration::from_nanos(step));
            let (key, gcra, now) = (id(&store, 5_000 + key as u64), quotas[which], clock.now());
            let (expected, tat) = gcra.decide(alone[which], now, cost);
            let told = if take {
                store.decide(key, gcra, cost, now)
            } else {
                store.peek(key, gcra, cost, now)
            };
            if take && expected.allows() {
                alone[which] = tat;
            }
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn no_quota_of_many_at_a_full_desk_gets_more_than_its_own(
        asks in prop::collection::vec((0_u32..8, 0_u64..4_000_000), 1..300),
    ) {
        let (clock, hand) = Clock::manual();
        let store = full(&clock);
        let quotas: Vec<_> = (0..8_u32).map(|it| gcra(Quota::per_hour(2 << it).burst(4 + it))).collect();
        let mut passed = [0_u32; 8];
        for (key, (which, step)) in asks.into_iter().enumerate() {
            hand.advance(Duration::from_nanos(step));
            let key = id(&store, 5_000 + key as u64);
            let decision = store.decide(key, quotas[which as usize], 1, clock.now());
            passed[which as usize] += u32::from(decision.allows());
        }
        // In under two seconds no cell of any of them comes back.
        for (passed, gcra) in passed.into_iter().zip(&quotas) {
            prop_assert!(passed <= gcra.burst(), "{} of {}", passed, gcra.burst());
        }
    }
}

#[test]
fn keys_within_the_cap_keep_slots_of_their_own() {
    let (clock, _hand) = Clock::manual();
    let store = Local::new(30_000, clock.clone());
    assert!(store.slots_in_all() * size_of::<[u64; 3]>() <= 30_000 * 63 / 2 + 192);
    let hourly = gcra(Quota::per_hour(1_000));
    for key in 0..30_000 {
        store.decide(id(&store, key), hourly, 1, clock.now());
    }
    let shared = store.coarsened();
    assert!(shared < 300, "{shared} of 30,000 without a slot");
}

#[test]
fn a_slot_whose_time_has_passed_is_free_again() {
    let (clock, hand) = Clock::manual();
    let store = Local::new(16, clock.clone());
    let quota = gcra(Quota::per_second(1));
    for round in 1_u64..200 {
        hand.advance(Duration::from_secs(1));
        for key in 0..8 {
            store.decide(id(&store, round << 8 | key), quota, 1, clock.now());
        }
    }
    assert_eq!(store.coarsened(), 0);
}

#[test]
fn no_step_looks_at_more_than_64_slots() {
    let (clock, hand) = Clock::manual();
    let store = Local::new(1_000, clock.clone());
    let quota = gcra(Quota::per_second(1).burst(3));
    let mut most = 0;
    for key in 0..20_000 {
        if key % 1_500 == 0 {
            hand.advance(Duration::from_millis(700));
        }
        let before = looked_at();
        store.decide(id(&store, key % 7_919), quota, 1, clock.now());
        most = most.max(looked_at() - before);
    }
    assert!(store.coarsened() > 0, "the table was never full");
    assert!((33..=64).contains(&most), "{most}");
}

#[test]
fn a_caller_with_an_old_reading_takes_nothing_off_a_full_key() {
    let (clock, hand) = Clock::manual();
    let store = Local::new(16, clock.clone());
    let quota = gcra(Quota::per_second(1).burst(2));
    let old = clock.now();
    hand.advance(Duration::from_secs(5));
    let hot = id(&store, 1);
    assert!(store.decide(hot, quota, 2, clock.now()).allows());
    assert!(!store.decide(hot, quota, 1, old).allows());
    let look = store.peek(hot, quota, 0, clock.now());
    assert_eq!((look.remaining, look.slack), (0, 0));
}

#[test]
fn a_lowered_quota_costs_at_most_its_own_limit_and_a_raised_one_gives_at_once() {
    let (clock, hand) = Clock::manual();
    let store = Local::new(16, clock.clone());
    let key = id(&store, 1);
    let (wide, tight) = (gcra(Quota::per_hour(100)), gcra(Quota::per_second(1)));
    assert!(store.decide(key, wide, 100, clock.now()).allows());
    let denied = store.decide(key, tight, 1, clock.now());
    assert_eq!(
        denied.verdict,
        Verdict::Deny {
            retry_after: 1_000_000_000
        }
    );
    hand.advance(Duration::from_secs(1));
    assert!(store.decide(key, tight, 1, clock.now()).allows());
    assert!(store.decide(key, wide, 99, clock.now()).allows());
}

#[test]
fn refunded_cells_can_be_taken_again_and_never_exceed_the_burst() {
    let (clock, _hand) = Clock::manual();
    let store = Local::new(16, clock.clone());
    let quota = gcra(Quota::per_hour(10));
    let key = id(&store, 1);
    assert!(store.decide(key, quota, 7, clock.now()).allows());
    store.refund(key, quota, 3, clock.now());
    assert_eq!(store.peek(key, quota, 0, clock.now()).remaining, 6);
    store.refund(key, quota, 4_000_000_000, clock.now());
    assert_eq!(store.peek(key, quota, 0, clock.now()).remaining, 10);
    assert!(!store.decide(key, quota, 11, clock.now()).allows());
}

#[test]
fn threads_on_one_key_never_pass_the_bound() {
    let (clock, hand) = Clock::manual();
    let quota = gcra(Quota::per_second(1_000).burst(50));
    let store = Local::new(100, clock.clone());
    let (hot, start, admitted) = (id(&store, 1), clock.now(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    hand.advance(Duration::from_micros(10));
                    let allowed = store.decide(hot, quota, 1, clock.now()).allows();
                    admitted.fetch_add(u64::from(allowed), Ordering::Relaxed);
                }
            });
        }
    });
    let bound = 50 + (clock.now() - start) / quota.interval();
    let admitted = admitted.into_inner();
    assert!(admitted <= bound, "{admitted} > {bound}");
    assert!(admitted >= bound - 2, "{admitted} far below {bound}");
}

#[test]
fn threads_that_reclaim_each_others_slots_never_pass_the_bound_of_any_key() {
    // Two places for forty keys: slots change hands all the time, and keys
    // without one share.
    let (clock, hand) = Clock::manual();
    let quota = gcra(Quota::per_second(1_000).burst(3));
    let store = Local::new(12, clock.clone());
    let start = clock.now();
    let tally = || (0..40).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
    let admitted = tally();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (store, clock, hand, admitted) = (&store, &clock, &hand, &admitted);
            scope.spawn(move || {
                let mut random = thread + 1;
                for _ in 0..30_000 {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let key = (random >> 33) % 40;
                    hand.advance(Duration::from_micros(random >> 60));
                    if store.decide(id(store, key), quota, 1, clock.now()).allows() {
                        admitted[key as usize].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    // Twice the quota, for every key was counted under a shared cell at times.
    let bound = 2 * (3 + (clock.now() - start) / quota.interval());
    for admitted in &admitted {
        let admitted = admitted.load(Ordering::Relaxed);
        assert!((1..=bound).contains(&admitted), "{admitted} of {bound}");
    }
}

#[test]
fn threads_with_purses_pass_a_burst_and_no_more() {
    let (clock, hand) = Clock::manual();
    let quota = gcra(Quota::per_second(1_000).burst(60_000));
    let store = Local::new(100, clock.clone());
    let (hot, admitted) = (id(&store, 1), AtomicU64::new(0));
    assert!(store.ahead(quota) > 0 && store.ahead(quota) <= 60_000 / 16);
    let rush = || {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..20_000 {
                        if round % 1_000 == 0 {
                            fill(&store, hot, quota, clock.now());
                        }
                        let allowed = store.decide(hot, quota, 1, clock.now()).allows();
                        admitted.fetch_add(u64::from(allowed), Ordering::Relaxed);
                    }
                });
            }
        });
        admitted.swap(0, Ordering::Relaxed)
    };
    let ahead = u64::from(store.ahead(quota));
    let first = rush();
    assert!((60_000 - ahead..=60_000).contains(&first), "{first}");
    // A stretch that begins with full purses sees those too.
    hand.advance(Duration::from_secs(30));
    let second = rush();
    assert!(
        (30_000 - ahead..=30_000 + ahead).contains(&second),
        "{second}"
    );
}

#[test]
fn a_purse_holds_for_10_ms_and_then_goes_back() {
    let (clock, hand) = Clock::manual();
    let quota = gcra(Quota::per_hour(1_000).burst(60_000));
    let store = Local::new(100, clock.clone());
    let key = id(&store, 1);
    let left = || store.peek(key, quota, 0, clock.now()).remaining;
    fill(&store, key, quota, clock.now());
    let purse = 60_000 - left();
    assert!(purse > 0);
    assert!(store.decide(key, quota, 1, clock.now()).allows());
    assert_eq!(left(), 60_000 - purse, "one was spent out of the purse");
    hand.advance(Duration::from_millis(10));
    assert!(store.decide(key, quota, 1, clock.now()).allows());
    assert_eq!(left(), 60_000 - 2, "the rest went back");
}

#[test]
fn what_lies_in_purses_is_called_in_before_a_key_is_refused() {
    let clock = Clock::manual().0;
    let quota = gcra(Quota::per_hour(1_000).burst(40_000));
    let store = Local::new(100, clock.clone());
    let key = id(&store, 1);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| fill(&store, key, quota, clock.now()));
        }
    });
    assert!(store.peek(key, quota, 0, clock.now()).remaining < 40_000);
    let asks = |_: &u32| store.decide(key, quota, 1, clock.now()).allows();
    assert_eq!((0..50_000).filter(asks).count(), 40_000);
}

#[test]
fn what_came_back_by_itself_is_not_called_in() {
    let (clock, hand) = Clock::manual();
    let quota = gcra(Quota::per_second(1_000).burst(60_000));
    let store = Local::new(100, clock.clone());
    let key = id(&store, 1);
    std::thread::scope(|scope| {
        scope.spawn(|| fill(&store, key, quota, clock.now()));
    });
    hand.advance(Duration::from_mins(1));
    let asks = |_: &u32| store.decide(key, quota, 1, clock.now()).allows();
    assert_eq!((0..70_000).filter(asks).count(), 60_000);
}

#[test]
fn a_key_near_its_limit_and_a_small_burst_have_no_purses() {
    let clock = Clock::manual().0;
    let store = Local::new(100, clock.clone());
    let quota = gcra(Quota::per_hour(1_000).burst(60_000));
    let key = id(&store, 1);
    assert!(store.decide(key, quota, 45_001, clock.now()).allows());
    fill(&store, key, quota, clock.now());
    assert_eq!(store.peek(key, quota, 0, clock.now()).remaining, 14_999);
    assert_eq!(store.ahead(gcra(Quota::per_hour(10).burst(63))), 0);
}

/// What is done with a key.
#[derive(Debug, Clone, Copy)]
enum Do {
    Decide,
    Refund,
    Quota(usize),
}

fn any_do() -> impl Strategy<Value = Do> {
    prop_oneof![
        12 => Just(Do::Decide),
        2 => Just(Do::Refund),
        1 => (0_usize..3).prop_map(Do::Quota),
    ]
}

/// A step of a schedule: nanoseconds to wait, key, cost, and what is done.
fn any_step() -> impl Strategy<Value = (u64, u64, u32, Do)> {
    (0_u64..400_000_000, 0_u64..60, 1_u32..4, any_do())
}

proptest! {
    /// With sixty keys in sixteen slots, which change hands all the time.
    #[test]
    fn a_key_with_a_slot_is_decided_as_by_a_word_of_its_own(
        steps in prop::collection::vec(any_step(), 1..300),
    ) {
        let quotas = [
            gcra(Quota::per_second(2).burst(5)),
            gcra(Quota::per_second(7).burst(3)),
            gcra(Quota::per_second(1).burst(4)),
        ];
        let (clock, hand) = Clock::manual();
        let store = Local::new(12, clock.clone());
        let mut words: HashMap<u64, u64> = HashMap::new();
        let mut quota = quotas[0];
        for (wait, key, cost, act) in steps {
            hand.advance(Duration::from_nanos(wait));
            let now = clock.now();
            let who = id(&store, key);
            let word = words.entry(key).or_default();
            if let Do::Quota(which) = act {
                quota = quotas[which];
                continue;
            }
            let got = store.decide(who, quota, cost, now);
            if store.coarsened() > 0 {
                break;
            }
            let (want, kept) = quota.decide(*word, now, cost);
            prop_assert_eq!(got, want);
            if want.allows() || kept < *word {
                *word = kept;
            }
            if let (Do::Refund, true) = (act, want.allows()) {
                store.refund(who, quota, cost, now);
                *word -= u64::from(cost) * quota.interval();
            }
        }
    }
}
