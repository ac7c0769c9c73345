//! The store in Redis, against servers of its own: in order, killed, hung, slow,
//! emptied, full, and failed over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plimsoll_ratelimit::Quota;
use plimsoll_ratelimit::store::{Call, Kind, Redis, Store as _, StoreError, Told, Want};
use plimsoll_testkit::process::Signal;
use plimsoll_testkit::proxy::Proxy;
use plimsoll_testkit::redis::Redis as Server;
use plimsoll_testkit::wait::{PATIENCE, until_told};

use crate::suite;

fn one(key: &str, cells: u32) -> Call {
    Call {
        kind: Kind::All,
        wants: vec![Want {
            key: format!("pl:{{{key}}}:test").into(),
            gcra: Quota::per_hour(1).burst(1_000).check().unwrap(),
            cells,
        }],
    }
}

/// A deadline that a busy machine keeps.
fn patient(url: &str) -> Redis {
    Redis::open(url).unwrap().deadline(PATIENCE)
}

/// A deadline that is missed within a test's time, and kept by a busy machine.
fn hasty(url: &str) -> Redis {
    Redis::open(url)
        .unwrap()
        .deadline(Duration::from_millis(100))
}

async fn is_back(store: &Redis) {
    told(store, one("back", 0)).await;
}

/// The answer to a call that may come too late on a busy machine.
async fn told(store: &Redis, call: Call) -> Told {
    until_told("the store", async || store.call(call.clone()).await.ok()).await
}

/// Asks until a call is refused, or too late on a busy machine.
async fn refused(store: &Redis) {
    until_told("the refusal", async || {
        let told = store.call(one("a", 1)).await;
        matches!(told, Err(StoreError::Refused | StoreError::Timeout)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn redis_passes_the_suite() {
    let server = Server::start().await;
    let store = patient(&server.url());
    suite::run(Arc::new(store.clone())).await;
    assert!(store.is_up());
    assert_eq!(store.nodes(), 1);
}

#[tokio::test]
async fn calls_that_arrive_together_share_a_script_call() {
    let server = Server::start().await;
    let store = patient(&server.url());
    store.call(one("first", 1)).await.unwrap();
    let before = (store.stats(), server.calls("evalsha").await);
    let calls = (0..640).map(|key| store.call(one(&key.to_string(), 1)));
    for told in futures_util::future::join_all(calls).await {
        assert_eq!(told.unwrap().granted, 1);
    }
    let after = (store.stats(), server.calls("evalsha").await);
    assert_eq!(after.0.calls - before.0.calls, 640);
    let trips = after.0.trips - before.0.trips;
    assert!((10..=40).contains(&trips), "{trips} round trips");
    // The beat of the node may stand among them.
    assert!((trips..trips + 2).contains(&(after.1 - before.1)));
}

#[tokio::test]
async fn a_killed_store_fails_at_once_and_comes_back_empty() {
    let mut server = Server::start().await;
    let store = hasty(&server.url());
    told(&store, one("a", 400)).await;
    server.kill();
    until_told("the break", async || {
        (store.call(one("a", 1)).await == Err(StoreError::Down)).then_some(())
    })
    .await;
    let asked = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(store.call(one("a", 1)).await, Err(StoreError::Down));
    }
    // A hundredth of what their deadlines would come to.
    assert!(asked.elapsed() < Duration::from_secs(1));
    server.restart().await;
    is_back(&store).await;
    let told = told(&store, one("a", 0)).await;
    assert_eq!(told.backlogs, [0]);
    assert!(store.is_up());
}

#[tokio::test]
async fn a_hung_or_slow_store_costs_a_call_no_more_than_its_deadline() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.socket()).await;
    let url = format!("redis://{}", proxy.address());
    let deadline = Duration::from_millis(10);
    for hang in [true, false] {
        let store = Redis::open(&url).unwrap().deadline(deadline);
        is_back(&store).await;
        if hang {
            server.signal(Signal::STOP);
        } else {
            proxy.delay(Duration::from_millis(50));
        }
        let mut waits = Vec::new();
        let begun = Instant::now();
        while store.is_up() || waits.len() < 500 {
            assert!(begun.elapsed() < PATIENCE);
            let asked = Instant::now();
            let told = store.call(one("a", 1)).await;
            assert!(matches!(told, Err(StoreError::Timeout | StoreError::Down)));
            waits.push(asked.elapsed());
        }
        let failures = store.stats().failures;
        assert!(failures[StoreError::Timeout.index()] <= 10, "{failures:?}");
        // The machine may be busy: what the few that waited took beyond their
        // deadline is not asked, what most took is.
        waits.sort_unstable();
        assert!(waits[waits.len() * 9 / 10] < deadline, "{:?}", waits[450]);
        server.signal(Signal::CONT);
        proxy.delay(Duration::ZERO);
        is_back(&store).await;
    }
}

#[tokio::test]
async fn a_server_that_forgets_its_scripts_fails_no_call() {
    let server = Server::start().await;
    let store = patient(&server.url());
    for _ in 0..5 {
        store.call(one("a", 1)).await.unwrap();
        server.ask(&["SCRIPT", "FLUSH"]).await;
    }
    assert_eq!(store.stats().probes, 1);
}

#[tokio::test]
async fn a_full_store_is_out_of_order_and_refuses_nobody_itself() {
    let server = Server::start().await;
    let store = hasty(&server.url());
    told(&store, one("a", 1)).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
    refused(&store).await;
    until_told("the break", async || (!store.is_up()).then_some(())).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    is_back(&store).await;
}

#[tokio::test]
async fn after_a_fail_over_the_other_server_is_asked() {
    let (one_server, other) = (Server::start().await, Server::start().await);
    let proxy = Proxy::start(one_server.socket()).await;
    let store = hasty(&format!("redis://{}", proxy.address()));
    told(&store, one("a", 1)).await;
    proxy.lead_to(other.socket());
    until_told("the break", async || {
        store.call(one("a", 1)).await.err().map(drop)
    })
    .await;
    is_back(&store).await;
    assert!(other.calls("evalsha").await > 0);
    // A replica takes no writes: such a one is left as soon as it says so.
    other.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
    refused(&store).await;
    proxy.lead_to(one_server.socket());
    is_back(&store).await;
}

#[tokio::test]
async fn many_callers_of_a_store_that_comes_back_send_one_probe_at_a_time() {
    let mut server = Server::start().await;
    let store = hasty(&server.url());
    told(&store, one("a", 1)).await;
    server.kill();
    let ask = || {
        let store = store.clone();
        tokio::spawn(async move {
            let begun = Instant::now();
            let (mut up, mut down) = (0_u32, 0_u32);
            let mut pace = tokio::time::interval(Duration::from_millis(5));
            while begun.elapsed() < PATIENCE && up < 20 {
                match store.call(one("a", 1)).await {
                    Ok(_) => up += 1,
                    Err(_) => down += 1,
                }
                pace.tick().await;
            }
            (up, down)
        })
    };
    let callers: Vec<_> = (0..50).map(|_| ask()).collect();
    until_told("the break", async || (!store.is_up()).then_some(())).await;
    let down = Instant::now();
    // Long enough for several probes, with a pause between them that doubles.
    until_told("probes", async || (store.stats().probes >= 4).then_some(())).await;
    let probes = store.stats().probes - 1;
    let most = 2 + down.elapsed().as_millis() as u64 / 50;
    assert!(probes <= most, "{probes} probes in {:?}", down.elapsed());
    server.restart().await;
    for caller in callers {
        assert_eq!(caller.await.unwrap().0, 20);
    }
    // One connection was made by 50 callers, and it carries what they ask.
    let clients = server.ask(&["CLIENT", "LIST", "TYPE", "normal"]).await;
    let ours = clients.lines().filter(|line| line.contains("cmd=evalsha"));
    assert_eq!(ours.count(), 1, "{clients}");
}
