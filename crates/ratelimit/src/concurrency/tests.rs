use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll_core::peer::PeerAddr;
use plimsoll_core::record::fresh_ids;
use plimsoll_core::{Clock, Criticality, Ending, Mode, Open, Part, Record, Refusal, Rollout, Sink};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{ConcurrencyLayer, ConcurrencyLimit};
use crate::overload::{Overload, Reason, Shares};
use proptest::prelude::*;

struct Nowhere;

impl Sink for Nowhere {
    fn now(&self) -> u64 {
        1
    }
    fn finish(&self, _: Box<Record>) {}
}

async fn answer(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("card")))
}

#[tokio::test]
async fn a_permit_is_held_to_the_end_of_the_body() {
    let limit = ConcurrencyLimit::new(1);
    let service = ConcurrencyLayer::new(limit.clone()).layer(service_fn(answer));
    let first = service.clone().oneshot(Request::new(())).await.unwrap();

    let refused = service.clone().oneshot(Request::new(())).await.unwrap();
    assert_eq!(refused.status(), 503);
    let wait = refused.headers()["retry-after"].to_str().unwrap();
    assert!(["1", "2", "3"].contains(&wait), "{wait}");
    assert!(matches!(
        refused.extensions().get(),
        Some(Refusal::Concurrency { .. })
    ));
    assert_eq!(limit.refused(), 1);

    assert_eq!(
        first.into_body().collect().await.unwrap().to_bytes(),
        "card"
    );
    let next = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(next.status(), 200);
}

#[tokio::test]
async fn readiness_takes_no_permit_and_a_dropped_future_gives_its_back() {
    let limit = ConcurrencyLimit::new(1);
    let never = Arc::new(Notify::new());
    let handler = service_fn(move |request| {
        let never = Arc::clone(&never);
        async move {
            never.notified().await;
            answer(request).await
        }
    });
    let mut service = ConcurrencyLayer::new(limit.clone()).layer(handler);
    service.ready().await.unwrap();
    assert_eq!(limit.in_use(), 0);
    let waiting = service.call(Request::new(()));
    assert_eq!(limit.in_use(), 1);
    drop(waiting);
    assert_eq!(limit.in_use(), 0);
}

#[tokio::test]
async fn observe_and_off_let_pass_and_keep_counting_what_is_in_flight() {
    let limit = ConcurrencyLimit::new(1);
    let rollout = Rollout::all(Mode::Observe);
    let layer = ConcurrencyLayer::new(limit.clone()).rollout(rollout.clone());
    let service = layer.layer(service_fn(answer));
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(service.clone().oneshot(Request::new(())).await.unwrap());
    }
    assert!(kept.iter().all(|response| response.status() == 200));
    assert_eq!((limit.in_use(), limit.refused()), (3, 2));
    assert_eq!(rollout.counts()[0].count, 2);

    rollout.set(Part::Concurrency, Mode::Off);
    kept.push(service.oneshot(Request::new(())).await.unwrap());
    assert_eq!(rollout.counts()[0].count, 2);
    drop(kept);
    assert_eq!(limit.in_use(), 0);
}

#[tokio::test]
async fn a_current_record_holds_the_permit_to_its_own_end() {
    let limit = ConcurrencyLimit::new(1);
    let mut service = ConcurrencyLayer::new(limit.clone()).layer(service_fn(answer));
    let record = Record::new(fresh_ids(false), 0);
    let mut open = Open::new(Box::new(record), Arc::new(Nowhere));
    let answer = {
        let _entered = open.enter();
        service.call(Request::new(()))
    };
    drop(answer.await.unwrap());
    assert_eq!(limit.in_use(), 1);
    open.finish(Ending::Complete);
    assert_eq!(limit.in_use(), 0);
}

#[test]
fn threads_never_hold_more_permits_than_there_are() {
    let limit = ConcurrencyLimit::new(3);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let permit = limit.take();
                    assert!(limit.in_use() <= 3);
                    drop(permit);
                }
            });
        }
    });
    assert_eq!(limit.in_use(), 0);
}

#[tokio::test]
async fn a_lower_level_leaves_the_reserve_to_the_higher_ones() {
    let limit = ConcurrencyLimit::new(10);
    let overload = Overload::new()
        .by(|head| head.headers.get("level")?.to_str().ok()?.parse().ok())
        .shares(Shares::new(0.2, 0.5, 0.8).unwrap());
    let layer = ConcurrencyLayer::new(limit.clone())
        .overload(&overload)
        .unwrap();
    let service = layer.layer(service_fn(answer));
    let mut kept = Vec::new();
    for (level, room) in [
        (Criticality::Sheddable, 2),
        (Criticality::SheddablePlus, 5),
        (Criticality::Critical, 8),
        (Criticality::CriticalPlus, 10),
    ] {
        let ask = || {
            let request = Request::builder().header("level", level.as_str());
            service.clone().oneshot(request.body(()).unwrap())
        };
        while limit.in_use() < room {
            let passed = ask().await.unwrap();
            assert_eq!(passed.status(), 200, "{level} at {}", limit.in_use());
            kept.push(passed);
        }
        let refused = ask().await.unwrap();
        let refusal = refused.extensions().get::<Refusal>();
        let full = level == Criticality::CriticalPlus;
        assert_eq!(matches!(refusal, Some(Refusal::Shed { .. })), !full);
        assert_eq!(matches!(refusal, Some(Refusal::Concurrency { .. })), full);
    }
    let told: Vec<_> = limit.sheds().iter().map(|row| row.reason).collect();
    let reserve = Reason::Reserve;
    assert_eq!(told, [Reason::Concurrency, reserve, reserve, reserve]);
}

#[tokio::test]
async fn the_level_is_codes_then_a_trusted_callers_then_the_routes() {
    let overload = Overload::new()
        .route("/overview", Criticality::SheddablePlus)
        .header("x-criticality")
        .otherwise(Criticality::Critical);
    let rules = overload.rules().unwrap();
    let level = |route, trusted, header: Option<&str>, code: Option<Criticality>| {
        let mut request = Request::new(());
        if let Some(header) = header {
            let header = header.parse().unwrap();
            request.headers_mut().insert("x-criticality", header);
        }
        if let Some(code) = code {
            request.extensions_mut().insert(code);
        }
        let mut record = Record::new(fresh_ids(false), 0);
        (record.route, record.trusted) = (route, trusted);
        let mut open = Open::new(Box::new(record), Arc::new(Nowhere));
        let level = {
            let _entered = open.enter();
            {
                let arrived = rules.classes.arrived(request.extensions());
                rules.classes.level(&request, &arrived)
            }
        };
        assert_eq!(open.record().unwrap().criticality, Some(level));
        level
    };
    let (low, high) = (Criticality::Sheddable, Criticality::CriticalPlus);
    assert_eq!(level("/", true, None, None), Criticality::Critical);
    let route = Criticality::SheddablePlus;
    assert_eq!(level("/overview", true, None, None), route);
    assert_eq!(level("/overview", true, Some("critical_plus"), None), high);
    assert_eq!(
        level("/overview", false, Some("critical_plus"), None),
        route
    );
    assert_eq!(level("/overview", true, Some("urgent!"), None), route);
    let told = level("/overview", true, Some("critical_plus"), Some(low));
    assert_eq!(told, low);
}

#[test]
fn what_an_author_wrote_wrongly_is_told() {
    let twice = Overload::new()
        .route("/a", Criticality::Critical)
        .route("/a", Criticality::Sheddable);
    let twice = twice.rules().unwrap_err();
    assert!(twice.to_string().contains("\"/a\""), "{twice}");
    let header = Overload::new().header("no header");
    assert!(header.rules().is_err());
}

proptest! {
    /// Any order of arrivals and ends: nobody goes beyond the room of its level,
    /// and nobody is refused while there is room.
    #[test]
    fn a_level_is_refused_exactly_when_its_room_is_full(
        max in 0_usize..12,
        steps in proptest::collection::vec((0_usize..4, any::<bool>()), 0..80),
    ) {
        let limit = ConcurrencyLimit::new(max);
        let mut held = Vec::new();
        for (level, ends) in steps {
            if ends {
                held.pop();
                continue;
            }
            let level = Criticality::ALL[level];
            let room = limit.room(level);
            let permit = limit.take_for(level);
            prop_assert_eq!(permit.is_some(), held.len() < room);
            held.extend(permit);
            prop_assert_eq!(limit.in_use(), held.len());
        }
    }
}

#[test]
fn threads_of_a_lower_level_never_enter_the_reserve() {
    let limit = ConcurrencyLimit::new(8);
    let low = limit.room(Criticality::Sheddable);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let permit = limit.take_for(Criticality::Sheddable);
                    assert!(limit.in_use() <= low);
                    drop(permit);
                }
            });
        }
    });
}

#[tokio::test]
async fn a_caller_that_would_be_gone_before_the_head_is_refused_at_once() {
    let (clock, hand) = Clock::manual();
    let overload = Overload::new()
        .deadline_header("x-request-timeout-ms")
        .trust("loopback".parse().unwrap())
        .clock(clock);
    let limit = ConcurrencyLimit::new(10);
    let layer = ConcurrencyLayer::new(limit.clone())
        .overload(&overload)
        .unwrap();
    // Every head takes 200 ms.
    let service = layer.layer(service_fn(move |request| {
        hand.advance(Duration::from_millis(200));
        answer(request)
    }));
    let ask = |peer: [u8; 4], name: &'static str, text: &str| {
        let peer = PeerAddr((peer, 4_711).into());
        let request = Request::builder().header(name, text).extension(peer);
        let answer = service.clone().oneshot(request.body(()).unwrap());
        async { answer.await.unwrap().status().as_u16() }
    };
    let (us, stranger) = ([127, 0, 0, 1], [203, 0, 113, 9]);
    let millis = "x-request-timeout-ms";
    assert_eq!(ask(us, millis, "100").await, 200, "nothing is known yet");
    assert_eq!(ask(us, millis, "100").await, 503);
    assert_eq!(ask(us, "grpc-timeout", "100m").await, 503);
    assert_eq!(ask(us, millis, "300").await, 200);
    assert_eq!(ask(us, millis, "soon").await, 200);
    assert_eq!(ask(stranger, millis, "100").await, 200);
    let shed = limit.sheds();
    assert_eq!((shed[0].reason, shed[0].count), (Reason::Deadline, 2));
    assert_eq!(limit.in_use(), 0);
}
