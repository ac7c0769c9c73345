//! Rolling restarts of two services behind a load balancer that never sends a
//! request twice, under constant load: nobody notices.
//!
//! `PLIMSOLL_SOAK_RESTARTS` says how many restarts (5).

mod pair;
mod proxy;
mod traffic;

use std::collections::BTreeMap;

use pair::Pair;
use traffic::{Tally, Traffic};

/// Restarts the two in turn under load, so often or until a request failed.
/// Returns what the clients saw, and how often each spend stands in the database.
async fn roll(wait: &str, restarts: usize) -> (Tally, BTreeMap<String, i64>) {
    let mut pair = Pair::start(wait).await;
    let traffic = Traffic::start(pair.proxy.address, pair.cards().await);
    for round in 0..restarts {
        traffic.goes_on().await;
        pair.restart(round % 2).await;
        if traffic.has_failed() {
            break;
        }
    }
    traffic.goes_on().await;
    let tally = traffic.stop().await;
    let spends = pair.end().await;
    (tally, spends)
}

fn restarts() -> usize {
    let told = std::env::var("PLIMSOLL_SOAK_RESTARTS");
    told.map_or(5, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restarts_under_load_fail_no_request_and_lose_no_spend() {
    let restarts = restarts();
    let (tally, spends) = roll("1s", restarts).await;
    eprintln!(
        "{restarts} restarts, {} requests, {} failed, {} spends, slowest {:?}",
        tally.sent,
        tally.failed.len(),
        tally.accepted.len(),
        tally.slowest,
    );
    assert_eq!(tally.failed, [""; 0], "of {}", tally.sent);
    let accepted: BTreeMap<_, _> = tally.accepted.into_iter().map(|name| (name, 1)).collect();
    assert!(!accepted.is_empty());
    assert_eq!(spends, accepted, "each accepted spend stands there once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_wait_rolling_restarts_fail_requests_and_still_lose_no_spend() {
    // The control: a run that could not fail would pass the other test too. A new
    // service may be there before a request has missed the old one.
    let (tally, spends) = roll("0s", 20).await;
    assert!(!tally.failed.is_empty(), "of {} none failed", tally.sent);
    // What failed may have been done or not, but never twice.
    assert!(spends.values().all(|&times| times == 1), "{spends:?}");
    for name in tally.accepted {
        assert!(
            spends.contains_key(&name),
            "{name} was accepted and is gone"
        );
    }
}
