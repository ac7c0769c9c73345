//! What a limiter promises, over random schedules, costs, changed quotas, pauses
//! and late readings of the clock: never more than B + ⌊W/T⌋ in any stretch W,
//! never fewer than a bucket that was written another way, and a wait that holds.
#![expect(clippy::unwrap_used, reason = "a test that fails")]

use std::time::Duration;

use http::Request;
use http::request::Parts;
use plimsoll_core::clock::Hand;
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_core::{Clock, Mode};
use plimsoll_ratelimit::gcra::Gcra;
use plimsoll_ratelimit::store::Local;
use plimsoll_ratelimit::{Limit, Limiter, Quota};
use proptest::prelude::*;

const LIMITS: [&str; 2] = ["one", "two"];
const CLIENTS: usize = 3;
/// Most nanoseconds that a reading is late.
const LATE: u64 = 900_000_000;

/// Quotas whose waits are whole milliseconds, as they are told.
const QUOTAS: [Quota; 5] = [
    Quota::per_second(2).burst(5),
    Quota::per_second(8).burst(3),
    Quota::per_second(1).burst(4),
    Quota::per_minute(30).burst(12),
    Quota::per_second(100).burst(1),
];

/// A bucket that leaks: the quota as textbooks have it, in nanoseconds of water.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    gcra: Gcra,
    water: u64,
    at: u64,
}

impl Bucket {
    fn empty(gcra: Gcra) -> Self {
        let (water, at) = (0, 0);
        Self { gcra, water, at }
    }

    /// What leaked since the last time; and what a smaller bucket has no room for.
    fn look(&mut self, now: u64) {
        let water = self.water.saturating_sub(now - self.at);
        self.water = water.min(self.gcra.limit());
        self.at = now;
    }

    fn volume(&self, cost: u32) -> u64 {
        u64::from(cost) * self.gcra.interval()
    }

    fn has_room(&self, cost: u32) -> bool {
        self.water + self.volume(cost) <= self.gcra.limit()
    }

    fn pour(&mut self, cost: u32) {
        self.water += self.volume(cost);
    }

    fn give_back(&mut self, cost: u32) {
        self.water = self.water.saturating_sub(self.volume(cost));
    }
}

/// What one limit let pass of one client since its quota was last changed.
#[derive(Debug, Default, Clone)]
struct Admitted(Vec<(u64, u32)>);

impl Admitted {
    /// With readings of the clock that are late by at most so many nanoseconds.
    fn keeps_the_bound(&self, gcra: Gcra, late: u64) -> Result<(), TestCaseError> {
        for (first, (start, _)) in self.0.iter().enumerate() {
            let mut cells = 0;
            for (end, cost) in &self.0[first..] {
                cells += u64::from(*cost);
                let bound = u64::from(gcra.burst()) + (end - start + late) / gcra.interval();
                prop_assert!(cells <= bound, "{cells} > {bound} in {}", end - start);
            }
        }
        Ok(())
    }
}

/// A limiter and what it promised.
struct Trial {
    limiter: Limiter,
    clock: Clock,
    hand: Hand,
    buckets: [[Bucket; LIMITS.len()]; CLIENTS],
    admitted: [[Admitted; LIMITS.len()]; CLIENTS],
}

impl Trial {
    fn new() -> Self {
        let (clock, hand) = Clock::manual();
        let limit = |name| {
            let cost = |parts: &Parts| parts.uri.query()?.parse().ok();
            Limit::per_client()
                .named(name)
                .quota(QUOTAS[0])
                .cost_by(cost)
                .max_keys(100)
        };
        let limiter = Limiter::new(LIMITS.map(limit), clock.clone(), Trust::nobody()).unwrap();
        Self {
            limiter,
            clock,
            hand,
            buckets: [[Bucket::empty(QUOTAS[0].check().unwrap()); LIMITS.len()]; CLIENTS],
            admitted: Default::default(),
        }
    }

    /// Asks, and gives back the wait that is told when it is refused for now.
    fn ask(&mut self, client: usize, cost: u32) -> Result<Option<Duration>, TestCaseError> {
        let now = self.clock.now();
        let denied = self
            .limiter
            .decide(&parts(client, cost), Mode::Enforce)
            .denied;
        let buckets = &mut self.buckets[client];
        for bucket in &mut *buckets {
            bucket.look(now);
        }
        let promised = buckets.iter().all(|bucket| bucket.has_room(cost));
        prop_assert_eq!(denied.is_none(), promised, "at {} of {:?}", now, buckets);
        let Some(denied) = denied else {
            for (bucket, admitted) in buckets.iter_mut().zip(&mut self.admitted[client]) {
                bucket.pour(cost);
                admitted.0.push((now, cost));
            }
            return Ok(None);
        };
        let never = buckets.iter().any(|bucket| cost > bucket.gcra.burst());
        prop_assert_eq!(denied.retry_after.is_none(), never);
        Ok(denied.retry_after)
    }

    fn refund(&mut self, client: usize, cost: u32) {
        self.limiter.refund(&parts(client, cost));
        for (bucket, admitted) in self.buckets[client]
            .iter_mut()
            .zip(&mut self.admitted[client])
        {
            bucket.give_back(cost);
            admitted.0.pop();
        }
    }

    fn change(&mut self, limit: usize, quota: Quota) -> Result<(), TestCaseError> {
        self.limiter.set_quota(LIMITS[limit], quota).unwrap();
        for client in 0..CLIENTS {
            let bucket = &mut self.buckets[client][limit];
            let admitted = std::mem::take(&mut self.admitted[client][limit]);
            admitted.keeps_the_bound(bucket.gcra, 0)?;
            bucket.gcra = quota.check().unwrap();
        }
        Ok(())
    }

    fn end(&self) -> Result<(), TestCaseError> {
        for (buckets, admitted) in self.buckets.iter().zip(&self.admitted) {
            for (bucket, admitted) in buckets.iter().zip(admitted) {
                admitted.keeps_the_bound(bucket.gcra, 0)?;
            }
        }
        Ok(())
    }
}

fn parts(client: usize, cost: u32) -> Parts {
    let peer = PeerAddr(([203, 0, 113, client as u8], 4711).into());
    let request = Request::builder().uri(format!("/?{cost}")).extension(peer);
    request.body(()).unwrap().into_parts().0
}

#[derive(Debug, Clone, Copy)]
enum Do {
    /// Asks once.
    Ask,
    /// Asks, and when refused waits exactly as told and asks again.
    AskAndWait,
    /// Asks, and when let pass gives the cells back.
    Refund,
    /// Changes the quota of a limit.
    Change(usize, usize),
}

fn any_do() -> impl Strategy<Value = Do> {
    prop_oneof![
        10 => Just(Do::Ask),
        4 => Just(Do::AskAndWait),
        2 => Just(Do::Refund),
        1 => (0..LIMITS.len(), 0..QUOTAS.len()).prop_map(|(limit, quota)| Do::Change(limit, quota)),
    ]
}

/// Nanoseconds until the next step; at times a machine sleeps for hours.
fn any_wait() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => Just(0),
        8 => 0_u64..700_000_000,
        1 => 0_u64..20_000_000_000_000,
    ]
}

proptest! {
    #[test]
    fn never_more_and_never_fewer_than_promised_and_the_wait_holds(
        steps in prop::collection::vec((any_wait(), 0..CLIENTS, 1_u32..7, any_do()), 1..200),
    ) {
        let mut trial = Trial::new();
        for (wait, client, cost, act) in steps {
            trial.hand.advance(Duration::from_nanos(wait));
            match act {
                Do::Ask => {
                    trial.ask(client, cost)?;
                }
                Do::AskAndWait => {
                    if let Some(wait) = trial.ask(client, cost)? {
                        trial.hand.advance(wait);
                        prop_assert_eq!(trial.ask(client, cost)?, None, "after {:?}", wait);
                    }
                }
                Do::Refund => {
                    let fits = trial.buckets[client].iter().all(|bucket| cost <= bucket.gcra.burst());
                    if fits && trial.ask(client, cost)?.is_none() {
                        trial.refund(client, cost);
                    }
                }
                Do::Change(limit, quota) => trial.change(limit, QUOTAS[quota])?,
            }
        }
        trial.end()?;
    }

    /// A thread that slept decides by a reading which others have left behind: a
    /// stretch then has what it would have if it were longer by that sleep, and
    /// nothing stays owed.
    #[test]
    fn late_readings_break_no_bound(
        which in 0..QUOTAS.len(),
        steps in prop::collection::vec((any_wait(), 0..=LATE, 1_u32..4), 1..200),
    ) {
        let gcra = QUOTAS[which].check().unwrap();
        let (clock, hand) = Clock::manual();
        let store = Local::new(10, clock.clone());
        let id = store.identity().number(7);
        let mut admitted = Admitted::default();
        for (wait, late, cost) in steps {
            hand.advance(Duration::from_nanos(wait));
            if store.decide(id, gcra, cost, clock.now() - late).allows() {
                admitted.0.push((clock.now(), cost));
            }
        }
        admitted.keeps_the_bound(gcra, LATE)?;
        hand.advance(Duration::from_nanos(gcra.limit()));
        prop_assert_eq!(store.peek(id, gcra, 0, clock.now()).remaining, gcra.burst());
    }
}
