use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::record::fresh_ids;
use plimsoll_core::{Mode, Open, Part, Record, Refusal, Rollout, Sink};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};

use super::TimeoutLayer;

const LIMIT: Duration = Duration::from_secs(10);

/// Answers after so long, woken ten times on the way.
async fn after(wait: Duration) -> Result<Response<String>, Infallible> {
    for _ in 0..10 {
        sleep(wait / 10).await;
    }
    Ok(Response::new("card".into()))
}

async fn ask(wait: Duration, rollout: &Rollout) -> Response<String> {
    let layer = TimeoutLayer::new(LIMIT).rollout(rollout.clone());
    let service = layer.layer(service_fn(move |_: Request<()>| after(wait)));
    service.oneshot(Request::new(())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_late_head_is_answered_at_the_limit_and_its_work_dropped() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&dropped);
    let handler = service_fn(move |_: Request<()>| {
        let guard = Dropped(Arc::clone(&seen));
        async move {
            let answer = after(LIMIT * 2).await;
            drop(guard);
            answer
        }
    });
    let start = Instant::now();
    let service = TimeoutLayer::new(LIMIT).layer(handler);
    let mut waiting = std::pin::pin!(service.oneshot(Request::new(())));
    let late = waiting.as_mut().await.unwrap();
    assert_eq!(late.status(), 504);
    assert_eq!(
        late.extensions().get(),
        Some(&Refusal::Timeout { limit: LIMIT })
    );
    assert_eq!(start.elapsed().as_secs(), LIMIT.as_secs());
    assert!(dropped.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn a_head_in_time_passes_as_it_is() {
    let answer = ask(LIMIT / 2, &Rollout::default()).await;
    assert_eq!(answer.into_body(), "card");
}

#[tokio::test(start_paused = true)]
async fn observe_counts_once_and_lets_the_work_go_on() {
    let rollout = Rollout::all(Mode::Observe);
    assert_eq!(ask(LIMIT * 5, &rollout).await.status(), 200);
    assert_eq!(rollout.counts()[0].count, 1);

    rollout.set(Part::Timeout, Mode::Off);
    assert_eq!(ask(LIMIT * 5, &rollout).await.status(), 200);
    assert_eq!(rollout.counts().len(), 1);
}

#[tokio::test]
async fn an_answer_at_once_needs_no_timer() {
    let runtime = std::thread::spawn(|| {
        // Without time enabled a timer would panic.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let handler =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
        let service = TimeoutLayer::default().layer(handler);
        runtime
            .block_on(service.oneshot(Request::new(())))
            .unwrap()
            .status()
    });
    assert_eq!(runtime.join().unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_deadline_cuts_earlier_and_never_later() {
    struct Nowhere;
    impl Sink for Nowhere {
        fn now(&self) -> u64 {
            1
        }
        fn finish(&self, _: Box<Record>) {}
    }
    for (allowed, seconds) in [(2, 2), (60, LIMIT.as_secs())] {
        let mut record = Record::new(fresh_ids(false), 7);
        record.deadline = Some(7 + allowed * 1_000_000_000);
        let mut open = Open::new(Box::new(record), Arc::new(Nowhere));
        let service = service_fn(|_: Request<()>| after(LIMIT * 9));
        let mut service = TimeoutLayer::new(LIMIT).layer(service);
        let start = Instant::now();
        let answer = {
            let _entered = open.enter();
            tower::Service::call(&mut service, Request::new(()))
        };
        assert_eq!(answer.await.unwrap().status(), 504);
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
}
