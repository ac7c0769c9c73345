//! Shared limits around a service, with a real server that goes away.
#![cfg(feature = "redis")]
#![expect(clippy::unwrap_used, reason = "a test that fails")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Request, Response};
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_core::{Clock, Refusal};
use plimsoll_ratelimit::shared::{Refunds, SharedLayer, SharedLimiter, Source};
use plimsoll_ratelimit::store::Redis;
use plimsoll_ratelimit::{Key, Lease, Limit, Limiter, Outage, Quota, RateLimitLayer};
use plimsoll_testkit::process::Signal;
use plimsoll_testkit::redis::Redis as Server;
use plimsoll_testkit::wait::{PATIENCE, until_told};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

fn limit(per_hour: u32) -> Limit {
    Limit::per_client().quota(Quota::per_hour(per_hour))
}

/// A process of a fleet.
fn process(server: &Server, limit: Limit, deadline: Duration) -> SharedLimiter {
    let store = Redis::open(&server.url()).unwrap().deadline(deadline);
    SharedLimiter::new([limit], store, Clock::system(), Trust::nobody()).unwrap()
}

async fn ask(limiter: &SharedLimiter, client: u8) -> Response<String> {
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::from("card"))));
    let service = SharedLayer::new(limiter.clone()).layer(handler);
    let peer = PeerAddr(([203, 0, 113, client], 4711).into());
    let request = Request::builder().extension(peer).body(()).unwrap();
    service.oneshot(request).await.unwrap()
}

async fn passes(limiter: &SharedLimiter, client: u8) -> bool {
    ask(limiter, client).await.status() == 200
}

fn counted(limiter: &SharedLimiter, source: Source) -> u64 {
    let sources = limiter.sources();
    sources
        .iter()
        .find(|stat| stat.source == source)
        .unwrap()
        .count
}

#[tokio::test]
async fn processes_admit_together_what_one_would_and_say_so_alike() {
    let server = Server::start().await;
    let fleet = [(); 3].map(|()| process(&server, limit(30), PATIENCE));
    let mut passed = 0;
    for round in 0..30 {
        for one in &fleet {
            passed += u32::from(passes(one, 9).await);
        }
        assert!(passed <= 30, "{passed} in round {round}");
    }
    assert_eq!(passed, 30);
    let refused = ask(&fleet[0], 9).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["ratelimit"], r#""per-client";r=0;t=120"#);
    assert_eq!(
        refused.headers()["ratelimit-policy"],
        r#""per-client";q=30;w=3600"#
    );
    // Nobody is asked about a key that is known to be empty.
    for one in &fleet {
        assert!(counted(one, Source::Known) > 5);
        assert!(counted(one, Source::Store) <= 12);
    }
    assert!(passes(&fleet[1], 10).await);
}

#[tokio::test]
async fn without_the_store_each_outage_policy_does_what_it_says() {
    let server = Server::start().await;
    let deadline = Duration::from_millis(100);
    let of = |outage| process(&server, limit(40).outage(outage), deadline);
    let all = [Outage::Open, Outage::Closed, Outage::LocalShare].map(of);
    // A second process, so that a share is a half.
    let other = process(&server, limit(40), deadline);
    assert!(passes(&other, 1).await);
    for one in &all {
        until_told("the others", async || passes(one, 2).await.then_some(())).await;
    }
    let nodes = all[2].nodes();
    server.signal(Signal::STOP);
    for one in &all {
        until_told("the break", async || {
            ask(one, 3).await;
            (!one.is_up()).then_some(())
        })
        .await;
        assert!(one.trouble().unwrap().contains("per-client"));
    }
    let [open, closed, share] = &all;
    for _ in 0..100 {
        assert!(passes(open, 4).await);
        let refused = ask(closed, 4).await;
        assert_eq!(refused.status(), 503);
        let why = refused.extensions().get::<Refusal>();
        assert!(matches!(
            why,
            Some(Refusal::LimiterDown {
                policy: "per-client"
            })
        ));
    }
    let mut passed = 0;
    for _ in 0..100 {
        passed += u32::from(passes(share, 4).await);
    }
    assert_eq!(passed, 40 / nodes);

    // Back in order: what passed is debited, within what a key can owe.
    server.signal(Signal::CONT);
    for one in &all {
        until_told("the store", async || {
            ask(one, 5).await;
            one.is_up().then_some(())
        })
        .await;
    }
    until_told("the debts", async || {
        ask(open, 6).await;
        (open.debts() == (0, 0)).then_some(())
    })
    .await;
    assert!(!passes(open, 4).await);
    assert!(!passes(closed, 4).await);
}

#[tokio::test]
async fn leased_cells_are_spent_without_asking_and_stay_within_the_bound() {
    let server = Server::start().await;
    let lease = Lease::lasting(Duration::from_mins(1)).at_most(10);
    let fleet = [(); 2].map(|()| process(&server, limit(1_000).leased(lease), PATIENCE));
    let mut passed = 0;
    for _ in 0..1_500 {
        for one in &fleet {
            passed += u32::from(passes(one, 9).await);
        }
    }
    assert!((980..=1_020).contains(&passed), "{passed} passed");
    for one in &fleet {
        let trips = one.store_stats().trips;
        assert!(trips < 300, "{trips} round trips");
        assert!(one.bounds()[0].cells <= 20);
    }
}

#[tokio::test]
async fn on_the_last_lease_the_cells_in_hand_are_spent_and_then_nobody_passes() {
    let mut server = Server::start().await;
    let lease = Lease::lasting(Duration::from_mins(1)).at_most(10);
    let limit = limit(1_000).leased(lease).outage(Outage::LastLease);
    let one = process(&server, limit, Duration::from_millis(100));
    while counted(&one, Source::Lease) < 50 {
        assert!(passes(&one, 9).await);
    }
    server.kill();
    let mut passed = 0;
    until_told("the end of the cells", async || {
        let answer = ask(&one, 9).await;
        passed += u32::from(answer.status() == 200);
        (answer.status() == 503).then_some(())
    })
    .await;
    assert!(passed <= 10, "{passed} passed");
    server.restart().await;
    until_told("the store", async || passes(&one, 9).await.then_some(())).await;
}

#[tokio::test]
async fn a_refusal_gives_the_local_limits_back_what_they_took() {
    let server = Server::start().await;
    let local = Limit::per_client()
        .named("local")
        .quota(Quota::per_hour(50));
    let local = Limiter::new([local], Clock::system(), Trust::nobody()).unwrap();
    let shared = process(&server, limit(3), PATIENCE);
    let service = ServiceBuilder::new()
        .layer(RateLimitLayer::new(local.clone()))
        .layer(SharedLayer::new(shared))
        .service(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
    let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
    let ask = || Request::builder().extension(peer).body(()).unwrap();
    for sent in 0..200 {
        let answer = service.clone().oneshot(ask()).await.unwrap();
        assert_eq!(answer.status() == 200, sent < 3, "request {sent}");
        let fields: Vec<_> = answer.headers().get_all("ratelimit").iter().collect();
        assert_eq!(fields.len(), 2, "{fields:?}");
    }
}

/// A service that sheds every request before any work is done for it.
async fn shed(limiter: &SharedLimiter, client: u8) -> Response<String> {
    let handler = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Refusal::Draining.response::<String>())
    });
    let service = SharedLayer::new(limiter.clone()).layer(handler);
    let peer = PeerAddr(([203, 0, 113, client], 4711).into());
    let request = Request::builder().extension(peer).body(()).unwrap();
    service.oneshot(request).await.unwrap()
}

/// Waits until nothing that was taken is still on its way back.
async fn settled(limiter: &SharedLimiter, cells: u64) {
    until_told("the refunds", async || {
        let Refunds { given, lost } = limiter.refunds();
        (given + lost >= cells).then_some(())
    })
    .await;
}

/// Waits for no longer than a call may have taken; by themselves cells come back
/// in an hour.
async fn comes_back(limiter: &SharedLimiter, client: u8) {
    until_told("a cell", async || {
        passes(limiter, client).await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_further_inside_costs_nothing_in_the_store() {
    let server = Server::start().await;
    let [one, other] = [(); 2].map(|()| process(&server, limit(3), PATIENCE));
    for sent in 1..=20 {
        assert_eq!(shed(&one, 9).await.status(), 503);
        settled(&one, sent).await;
    }
    assert_eq!(one.refunds(), Refunds { given: 20, lost: 0 });
    for _ in 0..3 {
        comes_back(&other, 9).await;
    }
    assert!(!passes(&other, 9).await);
}

#[tokio::test]
async fn a_key_known_to_be_empty_has_cells_again_once_some_were_given_back() {
    let server = Server::start().await;
    let one = process(&server, limit(1), PATIENCE);
    assert_eq!(shed(&one, 9).await.status(), 503);
    settled(&one, 1).await;
    comes_back(&one, 9).await;
    assert!(!passes(&one, 9).await);
}

#[tokio::test]
async fn cells_of_a_lease_go_back_to_it_and_nobody_is_asked() {
    let server = Server::start().await;
    let lease = Lease::lasting(Duration::from_mins(10)).at_most(10);
    let one = process(&server, limit(40).leased(lease), PATIENCE);
    for _ in 0..200 {
        assert_eq!(shed(&one, 9).await.status(), 503);
    }
    let Refunds { given, lost } = one.refunds();
    assert_eq!(given + lost, 200);
    let mut passed = 0;
    for _ in 0..60 {
        passed += u64::from(passes(&one, 9).await);
    }
    // Cells that were spent while others were asked for are lost to the lease.
    assert!(
        passed <= 40 && passed + lost + 10 >= 40,
        "{passed}, {lost} lost"
    );
    assert!(counted(&one, Source::Lease) >= 200);
}

#[tokio::test]
async fn without_the_store_what_is_refused_further_inside_is_owed_by_nobody() {
    let mut server = Server::start().await;
    let deadline = Duration::from_millis(100);
    let open = process(&server, limit(9).outage(Outage::Open), deadline);
    let share = process(&server, limit(9), deadline);
    server.kill();
    for one in [&open, &share] {
        until_told("the break", async || {
            shed(one, 1).await;
            (!one.is_up()).then_some(())
        })
        .await;
        for _ in 0..50 {
            assert_eq!(shed(one, 9).await.status(), 503);
        }
        assert_eq!(one.debts(), (0, 0));
        assert!(passes(one, 9).await);
        assert_eq!(one.debts(), (1, 0));
    }
}

#[tokio::test]
async fn what_the_store_cannot_be_told_is_lost_and_counted_and_no_answer_waits() {
    let mut server = Server::start().await;
    let one = process(&server, limit(40), PATIENCE);
    let (done, waits) = tokio::sync::watch::channel(false);
    let handler = service_fn(move |_: Request<()>| {
        let mut waits = waits.clone();
        async move {
            let _ = waits.wait_for(|open| *open).await;
            Ok::<_, Infallible>(Refusal::Draining.response::<String>())
        }
    });
    let service = SharedLayer::new(one.clone()).layer(handler);
    let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
    let request = Request::builder().extension(peer).body(()).unwrap();
    let answer = tokio::spawn(service.oneshot(request));
    until_told("the decision", async || {
        (counted(&one, Source::Store) == 1).then_some(())
    })
    .await;
    server.kill();
    until_told("the break", async || {
        ask(&one, 3).await;
        (!one.is_up()).then_some(())
    })
    .await;
    done.send_replace(true);
    assert_eq!(answer.await.unwrap().unwrap().status(), 503);
    assert_eq!(one.refunds(), Refunds { given: 0, lost: 1 });
}

#[tokio::test]
async fn while_cells_are_in_hand_no_key_is_named_for_the_store() {
    let server = Server::start().await;
    let found = Arc::new(AtomicU64::new(0));
    let by = Arc::clone(&found);
    let limit = Limit::by(move |_| {
        by.fetch_add(1, Ordering::Relaxed);
        Some(Key::Number(7))
    });
    let lease = Lease::lasting(Duration::from_mins(10)).at_most(500);
    let limit = limit.quota(Quota::per_hour(100_000)).leased(lease);
    let one = process(&server, limit, PATIENCE);
    for _ in 0..1_000 {
        assert!(passes(&one, 9).await);
    }
    // Once for each request, and once for each time that the store was asked.
    until_told("the calls", async || {
        let looks = found.load(Ordering::Relaxed);
        (looks <= 1_000 + one.store_stats().calls).then_some(())
    })
    .await;
    assert!(one.store_stats().calls < 500);
}

#[tokio::test]
async fn a_request_waits_for_a_hung_store_no_longer_than_its_deadline() {
    let server = Server::start().await;
    let one = Arc::new(process(&server, limit(1_000), Duration::from_millis(10)));
    until_told("the store", async || {
        passes(&one, 1).await;
        (counted(&one, Source::Store) > 0).then_some(())
    })
    .await;
    server.signal(Signal::STOP);
    let mut waits = Vec::new();
    for _ in 0..2_000 {
        let asked = Instant::now();
        ask(&one, 2).await;
        waits.push(asked.elapsed());
    }
    waits.sort_unstable();
    let p99 = waits[waits.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(15), "{p99:?}");
}
