use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll_core::record::fresh_ids;
use plimsoll_core::{Ending, Mode, Open, Part, Record, Refusal, Rollout, Sink};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{ConcurrencyLayer, ConcurrencyLimit};

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
    assert_eq!(refused.headers()["retry-after"], "1");
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
    struct Nowhere;
    impl Sink for Nowhere {
        fn now(&self) -> u64 {
            1
        }
        fn finish(&self, _: Box<Record>) {}
    }
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
