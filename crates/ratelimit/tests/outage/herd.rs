//! The first seconds of a store that is back.

use std::time::{Duration, Instant};

use plimsoll_ratelimit::Outage;
use plimsoll_testkit::wait::until_told;
use tokio::time::interval;

use crate::faults::{Fault, World};
use crate::fleet::{ask, limit, process};
use crate::load::Load;

const PROCESSES: usize = 6;
const PACE: Duration = Duration::from_millis(10);
/// Between two looks at the count of commands.
const LOOK: Duration = Duration::from_millis(100);
const SECOND: usize = 10;

/// Commands so far, each [`LOOK`], and when it was looked.
async fn counts(world: &World, looks: usize) -> Vec<(Instant, u64)> {
    let mut counts = Vec::new();
    let mut tick = interval(LOOK);
    for _ in 0..=looks {
        tick.tick().await;
        counts.push((Instant::now(), world.commands().await));
    }
    counts
}

/// Most commands a second in any stretch of a second, which looks that came late
/// make longer.
fn most(counts: &[(Instant, u64)]) -> f64 {
    let rate = |all: &[(Instant, u64)]| {
        let (from, to) = (all[0], all[SECOND]);
        (to.1 - from.1) as f64 / (to.0 - from.0).as_secs_f64()
    };
    let seconds = counts.windows(SECOND + 1).map(rate);
    seconds.fold(0.0, f64::max)
}

/// Commands a second when all is well and the machine is not too busy to ask for
/// all that it is meant to.
async fn steady(world: &World, loads: &[Load]) -> f64 {
    let answered = || loads.iter().map(Load::count).sum::<usize>();
    let before = answered();
    let counts = counts(world, SECOND).await;
    let commands = (counts[SECOND].1 - counts[0].1) as f64;
    let each = commands / (answered() - before) as f64;
    each * loads.len() as f64 / PACE.as_secs_f64()
}

/// A store that is back gets no more than twice what it gets when all is well,
/// and of each process one connection.
async fn no_herd(fault: Fault) {
    let mut world = World::start().await;
    // Patient: what is counted is commands, on a machine that may be busy.
    let deadline = Duration::from_millis(100);
    let fleet: Vec<_> = (0..PROCESSES)
        .map(|_| process(&world.url(), limit(Outage::Open), deadline))
        .collect();
    for one in &fleet {
        until_told("the store", async || {
            ask(one, 1).await;
            (one.store_stats().calls > 0).then_some(())
        })
        .await;
    }
    let loads: Vec<_> = fleet.iter().map(|one| Load::start(one, PACE)).collect();
    let steady = steady(&world, &loads).await;
    world.strike(fault).await;
    for one in &fleet {
        until_told("the break", async || (!one.is_up()).then_some(())).await;
    }
    // Long enough for debts of many keys, and for pauses to grow.
    let probes = |at: usize| fleet[at].store_stats().probes;
    for at in 0..PROCESSES {
        until_told("probes", async || (probes(at) >= 3).then_some(())).await;
    }
    let owed: usize = fleet.iter().map(|one| one.debts().0).sum();
    assert!(owed > 100, "{owed}");
    let before: Vec<_> = (0..PROCESSES).map(probes).collect();
    world.heal(fault).await;
    let healed = Instant::now();
    let back = counts(&world, 3 * SECOND).await;
    for one in &fleet {
        until_told("the store", async || one.is_up().then_some(())).await;
    }
    assert!(
        most(&back) <= 2.0 * steady,
        "{:.0} a second, {steady:.0} when all is well",
        most(&back)
    );
    for (at, before) in before.into_iter().enumerate() {
        // One that was under way when it came back, and one that found it in order.
        let made = probes(at) - before;
        assert!(made <= 2, "{made} probes in {:?}", healed.elapsed());
    }
    // Debts are paid piece by piece, and all of them.
    until_told("the debts", async || {
        let owed: usize = fleet.iter().map(|one| one.debts().0).sum();
        (owed == 0).then_some(())
    })
    .await;
    for load in loads {
        let seen = load.end().await;
        assert_eq!(seen.statuses.keys().collect::<Vec<_>>(), [&200]);
    }
}

#[tokio::test]
async fn processes_whose_store_was_killed_come_back_one_by_one() {
    no_herd(Fault::Killed).await;
}

#[tokio::test]
async fn processes_whose_store_hung_come_back_one_by_one() {
    no_herd(Fault::Hung).await;
}
