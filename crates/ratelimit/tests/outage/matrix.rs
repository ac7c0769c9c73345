//! Each fault with each outage policy.

use std::time::Duration;

use plimsoll_ratelimit::Outage;
use plimsoll_ratelimit::shared::{SharedLimiter, Source};
use plimsoll_ratelimit::store::{DEADLINE, StoreError};
use plimsoll_testkit::wait::{until, until_told};

use crate::faults::{Fault, World};
use crate::fleet::{BURST, HELD, answered, ask, counted, limit, process};
use crate::load::{Load, Seen};

/// A request each so long, of each process.
const PACE: Duration = Duration::from_millis(4);

/// Clients that no load is.
const SPENT: u32 = 1;
const HOLDER: u32 = 2;
const FRESH: u32 = 3;

const POLICIES: [Outage; 4] = [
    Outage::Open,
    Outage::Closed,
    Outage::LastLease,
    // The last, so that it knows of the others.
    Outage::LocalShare,
];

/// Processes with one policy each that share a store.
struct Fleet {
    world: World,
    processes: Vec<(Outage, SharedLimiter)>,
    loads: Vec<Load>,
}

impl Fleet {
    async fn start() -> Self {
        let world = World::start().await;
        let mut fleet = Self {
            processes: Vec::new(),
            loads: Vec::new(),
            world,
        };
        for outage in POLICIES {
            // The deadline that limits have when nobody says otherwise.
            let one = process(&fleet.world.url(), limit(outage), DEADLINE);
            fleet.processes.push((outage, one.clone()));
            back(&one).await;
        }
        // A client that the store knows to have nothing left, and one that cells
        // are held of.
        let (_, first) = &fleet.processes[0];
        until_told("the end of a quota", async || {
            (ask(first, SPENT).await == 429).then_some(())
        })
        .await;
        for (outage, one) in &fleet.processes {
            if *outage == Outage::LastLease {
                until_told("cells in hand", async || {
                    ask(one, HOLDER).await;
                    (counted(one, Source::Lease) > 4).then_some(())
                })
                .await;
            }
        }
        fleet.loads = fleet
            .processes
            .iter()
            .map(|(_, one)| Load::start(one, PACE))
            .collect();
        fleet
    }

    /// Waits until each process has had so many requests more.
    async fn had(&self, more: usize) {
        for load in &self.loads {
            let enough = load.count() + more;
            until("requests", || (load.count() >= enough).then_some(())).await;
        }
    }

    async fn settled(&self) {
        for (_, one) in &self.processes {
            back(one).await;
        }
    }

    /// Ends the loads and looks at what holds whatever happened: nobody waited
    /// longer than a deadline, and nobody was told that it was its own fault.
    async fn end(&mut self) -> Vec<(Outage, Seen)> {
        let mut all = Vec::new();
        for ((outage, _), load) in self.processes.iter().zip(self.loads.drain(..)) {
            let seen = load.end().await;
            let most = Duration::from_millis(15) + seen.machine();
            assert!(
                seen.p99() < most,
                "{outage:?}: {:?} of {most:?}",
                seen.p99()
            );
            assert_eq!(seen.statuses.get(&429), None, "{outage:?}");
            if matches!(outage, Outage::Open | Outage::LocalShare) {
                assert_eq!(seen.statuses.get(&503), None, "{outage:?}");
            }
            all.push((*outage, seen));
        }
        all
    }
}

/// Waits until the store decides for a process.
async fn back(one: &SharedLimiter) {
    let before = decided(one);
    let mut client = 0xC000_0000;
    until_told("the store", async || {
        client += 1;
        ask(one, client).await;
        (one.is_up() && decided(one) > before).then_some(())
    })
    .await;
}

/// Decisions of the store, by itself or by cells that it gave.
fn decided(one: &SharedLimiter) -> u64 {
    counted(one, Source::Store) + counted(one, Source::Lease)
}

/// A fault that lasts until it is mended.
async fn lasting(fault: Fault) {
    let mut fleet = Fleet::start().await;
    fleet.world.strike(fault).await;
    for (outage, one) in &fleet.processes {
        until_told("the break", async || {
            ask(one, FRESH + 100).await;
            (!one.is_up()).then_some(())
        })
        .await;
        assert!(one.trouble().unwrap().contains(outage.as_str()));
    }
    for (outage, one) in &fleet.processes {
        // Each process is asked for a client of its own.
        let client = FRESH + *outage as u32;
        match outage {
            Outage::Open => assert_eq!(answered(one, client, 100, 200).await, 100),
            Outage::Closed => assert_eq!(answered(one, client, 100, 503).await, 100),
            Outage::LocalShare => {
                let (mut passed, share) = (0, BURST / one.nodes());
                assert!(share < BURST);
                for _ in 0..100 {
                    passed += u32::from(ask(one, client).await == 200);
                }
                assert_eq!(passed, share);
            }
            Outage::LastLease => {
                let passed = answered(one, HOLDER, 100, 200).await;
                assert!((1..=HELD).contains(&passed), "{passed}");
                assert_eq!(answered(one, HOLDER, 20, 503).await, 20);
                assert_eq!(answered(one, client, 20, 503).await, 20);
            }
        }
        // Who had nothing left has nothing now, as far as it is known.
        if *outage == Outage::Open {
            assert_eq!(ask(one, SPENT).await, 429);
        }
    }
    fleet.had(200).await;
    let nodes = fleet.processes.iter().map(|(_, one)| one.nodes()).max();
    fleet.world.heal(fault).await;
    fleet.settled().await;
    // What passed without the store is debited there: no process lets more pass.
    for (outage, one) in &fleet.processes {
        let client = FRESH + *outage as u32;
        until_told("the debts", async || {
            ask(one, 0xC100_0000).await;
            (one.debts() == (0, 0)).then_some(())
        })
        .await;
        let (_, closed) = &fleet.processes[1];
        let left = match outage {
            Outage::Open => 0,
            Outage::Closed | Outage::LastLease => BURST,
            Outage::LocalShare => BURST - BURST / nodes.unwrap(),
        };
        let passed = answered(closed, client, 2 * BURST, 200).await;
        // A debt whose answer was late may have been debited twice.
        assert!(passed <= left, "{outage:?}: {passed} of {left}");
    }
    for (outage, seen) in fleet.end().await {
        if matches!(outage, Outage::Closed | Outage::LastLease) {
            assert!(seen.statuses[&503] > 0);
        }
    }
}

/// A fault that is over as soon as it is noticed.
async fn passing(fault: Fault) {
    let mut fleet = Fleet::start().await;
    fleet.world.strike(fault).await;
    fleet.settled().await;
    fleet.had(200).await;
    for (_, one) in &fleet.processes {
        let stats = one.store_stats();
        let refused = stats.failures[StoreError::Refused.index()];
        assert_eq!(refused, 0, "{stats:?}");
    }
    if fault == Fault::FailedOver {
        assert!(fleet.world.other.calls("evalsha").await > 0);
    }
    // What the store forgot may pass once more, and no more than that.
    let (_, closed) = &fleet.processes[1];
    let passed = answered(closed, SPENT, 2 * BURST, 200).await;
    let again = if fault == Fault::Flushed { 0 } else { BURST };
    assert!(passed <= again, "{passed}");
    fleet.end().await;
}

#[tokio::test]
async fn a_killed_store_leaves_each_policy_to_itself() {
    lasting(Fault::Killed).await;
}

#[tokio::test]
async fn a_hung_store_leaves_each_policy_to_itself() {
    lasting(Fault::Hung).await;
}

#[tokio::test]
async fn a_slow_store_leaves_each_policy_to_itself() {
    lasting(Fault::Slow).await;
}

#[tokio::test]
async fn a_full_store_leaves_each_policy_to_itself() {
    lasting(Fault::Full).await;
}

#[tokio::test]
async fn a_store_that_comes_back_empty_is_asked_on() {
    passing(Fault::Emptied).await;
}

#[tokio::test]
async fn a_store_that_forgets_its_scripts_is_asked_on() {
    passing(Fault::Flushed).await;
}

#[tokio::test]
async fn after_a_fail_over_the_other_store_is_asked_on() {
    passing(Fault::FailedOver).await;
}
