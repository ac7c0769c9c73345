//! The local limiter beside governor: the same keys in the same order, in
//! alternating rounds of one process.

pub mod child;
mod keys;
mod race;
mod table;
mod who;
mod worst;

use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use governor::clock::QuantaClock;
use plimsoll_bench_ours::Fault;
use plimsoll_ratelimit::Quota;
use serde::{Deserialize, Serialize};

use crate::results::Spread;
use child::Who;
use keys::Keys;
use who::{Decides, Given, Ours, governor};
use worst::{Single, single};

pub use table::show;

/// So wide that nothing is denied: a denial costs either of them less.
const OUR_QUOTA: Quota = Quota::per_second(1_000_000).burst(u32::MAX);

fn peer_quota() -> governor::Quota {
    let million = NonZeroU32::MIN.saturating_add(999_999);
    governor::Quota::per_second(million).allow_burst(NonZeroU32::MAX)
}

/// Decisions of both on the same keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Race {
    /// Which keys.
    pub keys: String,
    /// On how many threads.
    pub threads: usize,
    /// Whether both are told the time, as a request's record tells it; else
    /// each reads a clock of its own.
    pub time_given: bool,
    /// Ours, millions of decisions a second.
    pub ours: Spread,
    /// governor's.
    pub governor: Spread,
    /// Ours by governor's of the same round.
    pub ratio: Spread,
}

/// Single decisions of one of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reclaim {
    /// Whose.
    pub who: String,
    /// Without keys that are reclaimed.
    pub without: Single,
    /// With.
    pub with: Single,
}

/// What a key and a decision cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Costs {
    /// Whose.
    pub who: String,
    /// Resident bytes a key, at a million keys of 16 to 40 bytes.
    pub bytes_per_key: f64,
    /// Instructions of a decision on a resident key of 28 bytes, time given: the mean of
    /// four hundred such keys.
    pub instructions: f64,
}

/// Everything of this section.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Limiters {
    /// When, UTC.
    pub taken: String,
    /// Rounds of the races, the first of which is left out.
    pub rounds: usize,
    /// Decisions a second.
    pub races: Vec<Race>,
    /// Single decisions.
    pub reclaims: Vec<Reclaim>,
    /// Bytes and instructions.
    pub costs: Vec<Costs>,
}

/// Measures all of it; each turn of a race takes `turn`.
///
/// # Errors
///
/// When a child fails.
pub fn measure(rounds: usize, turn: Duration) -> Result<Limiters, Fault> {
    let mut races = Vec::new();
    for keys in Keys::ALL {
        let texts = keys.texts();
        let orders: Vec<_> = (1..=2).map(|seed| keys.order(seed)).collect();
        for threads in [1, 2] {
            for time_given in [true, false] {
                let orders = &orders[..threads];
                let race = Course {
                    keys,
                    texts: &texts,
                    orders,
                    time_given,
                };
                races.push(race.run(rounds, turn)?);
            }
        }
    }
    let costs = |who: Who| -> Result<Costs, Fault> {
        Ok(Costs {
            who: who.name().into(),
            bytes_per_key: child::bytes_per_key(who)?,
            instructions: child::instructions(who)?,
        })
    };
    Ok(Limiters {
        taken: crate::table::now(),
        rounds,
        races,
        reclaims: vec![our_reclaim()?, governors_reclaim()?],
        costs: vec![costs(Who::Ours)?, costs(Who::Governor)?],
    })
}

/// Who races on what.
struct Course<'a> {
    keys: Keys,
    texts: &'a [String],
    orders: &'a [Vec<u32>],
    time_given: bool,
}

impl Course<'_> {
    fn run(&self, rounds: usize, turn: Duration) -> Result<Race, Fault> {
        let given = Given::default();
        let told = self.time_given.then(|| given.clone());
        let ours = Ours::new(self.keys.count(), OUR_QUOTA, told.clone())?;
        let (mut own, mut others, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let with_given = governor(peer_quota(), given.clone());
        let with_quanta = governor(peer_quota(), QuantaClock::default());
        for round in 0..=rounds {
            let told = told.as_ref();
            let (texts, orders) = (self.texts, self.orders);
            let our = race::rate(&ours, told, texts, orders, turn);
            let other = if self.time_given {
                race::rate(&with_given, told, texts, orders, turn)
            } else {
                race::rate(&with_quanta, None, texts, orders, turn)
            };
            // The first round brings all keys in.
            if round > 0 {
                own.push(our / 1e6);
                others.push(other / 1e6);
                ratios.push(our / other);
            }
        }
        let spread = |numbers| Spread::of(numbers).ok_or("a race of no round");
        Ok(Race {
            keys: self.keys.name().into(),
            threads: self.orders.len(),
            time_given: self.time_given,
            ours: spread(own)?,
            governor: spread(others)?,
            ratio: spread(ratios)?,
        })
    }
}

/// Keys without end in a table for 100,000: every decision takes over a slot
/// of a key that has expired; beside the same keys when all have a slot.
fn our_reclaim() -> Result<Reclaim, Fault> {
    let texts = Keys::Zipf.texts();
    let order: Vec<u32> = (0..2_000_000).map(|at| at % texts.len() as u32).collect();
    let run = |room: usize| -> Result<Single, Fault> {
        let given = Given::default();
        let ours = Ours::new(
            room,
            Quota::per_second(1_000).burst(10),
            Some(given.clone()),
        )?;
        for &at in &order[..texts.len()] {
            given.0.fetch_add(1_000, Ordering::Relaxed);
            ours.decide(&texts[at as usize]);
        }
        single(&ours, &given, &texts, &order, None)
    };
    Ok(Reclaim {
        who: Who::Ours.name().into(),
        without: run(texts.len())?,
        with: run(100_000)?,
    })
}

/// The same keys, with and without `retain_recent` over and over on another thread.
fn governors_reclaim() -> Result<Reclaim, Fault> {
    let texts = Keys::Zipf.texts();
    let order: Vec<u32> = (0..2_000_000).map(|at| at % texts.len() as u32).collect();
    let ten = NonZeroU32::MIN.saturating_add(9);
    let thousand = NonZeroU32::MIN.saturating_add(999);
    let quota = governor::Quota::per_second(thousand).allow_burst(ten);
    let run = |reclaims: bool| -> Result<Single, Fault> {
        let given = Given::default();
        let peer = governor(quota, given.clone());
        for &at in &order[..texts.len()] {
            given.0.fetch_add(1_000, Ordering::Relaxed);
            peer.decide(&texts[at as usize]);
        }
        let reclaim = || peer.retain_recent();
        let reclaim: &(dyn Fn() + Sync) = &reclaim;
        single(&peer, &given, &texts, &order, reclaims.then_some(reclaim))
    };
    Ok(Reclaim {
        who: Who::Governor.name().into(),
        without: run(false)?,
        with: run(true)?,
    })
}
