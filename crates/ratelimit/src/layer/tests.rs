use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_core::record::fresh_ids;
use plimsoll_core::{Clock, Ending, Mode, Open, Part, Record, Refusal, Rollout, Sink};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::RateLimitLayer;
use crate::{Limit, Limiter, Quota};

fn request() -> Request<()> {
    let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
    Request::builder().extension(peer).body(()).unwrap()
}

type Answered = Result<Response<String>, Infallible>;

/// A service with `quota` for each client, its modes and the number of calls
/// that reached the handler.
fn limited(
    quota: Quota,
) -> (
    impl Service<
        Request<()>,
        Response = Response<String>,
        Error = Infallible,
        Future: Future<Output = Answered>,
    > + Clone,
    Rollout,
    Arc<AtomicUsize>,
) {
    let limiter = Limiter::new(
        [Limit::per_client().quota(quota)],
        Clock::manual().0,
        Trust::nobody(),
    );
    let rollout = Rollout::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = service_fn(move |_: Request<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Answered::Ok(Response::new("card".into())))
    });
    let layer = RateLimitLayer::new(limiter.unwrap()).rollout(rollout.clone());
    (layer.layer(handler), rollout, calls)
}

#[tokio::test]
async fn a_denied_request_never_reaches_the_inner_service() {
    let (service, _, calls) = limited(Quota::per_minute(2));
    let first = service.clone().oneshot(request()).await.unwrap();
    assert_eq!(first.headers()["ratelimit"], r#""per-client";r=1;t=30"#);
    assert_eq!(
        first.headers()["ratelimit-policy"],
        r#""per-client";q=2;w=60"#
    );
    assert_eq!(first.into_body(), "card");
    service.clone().oneshot(request()).await.unwrap();

    let refused = service.oneshot(request()).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(refused.headers()["ratelimit"], r#""per-client";r=0;t=30"#);
    let expected = Refusal::Quota {
        policy: "per-client",
        violated: &[],
        retry_after: Duration::from_secs(30),
    };
    assert_eq!(refused.extensions().get(), Some(&expected));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn observe_counts_by_route_and_changes_no_answer() {
    let (service, rollout, calls) = limited(Quota::per_minute(1));
    rollout.set(Part::Limit, Mode::Observe);
    for _ in 0..3 {
        let answer = service.clone().oneshot(request()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().is_empty());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    let counts = rollout.counts();
    assert_eq!((counts[0].mode, counts[0].count), ("observe", 2));
    assert_eq!(counts[0].route, "unmatched");
}

#[tokio::test]
async fn off_does_not_even_decide() {
    let (service, rollout, _) = limited(Quota::per_minute(1));
    rollout.set(Part::Limit, Mode::Off);
    for _ in 0..3 {
        service.clone().oneshot(request()).await.unwrap();
    }
    rollout.set(Part::Limit, Mode::Enforce);
    let answer = service.oneshot(request()).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn the_decision_stands_on_the_current_record() {
    struct Nowhere;
    impl Sink for Nowhere {
        fn now(&self) -> u64 {
            1
        }
        fn finish(&self, _: Box<Record>) {}
    }
    let (mut service, _, _) = limited(Quota::per_minute(1));
    let record = Record::new(fresh_ids(false), 0);
    let mut open = Open::new(Box::new(record), Arc::new(Nowhere));
    for decision in ["allow", "deny"] {
        let answer = {
            let _entered = open.enter();
            service.call(request())
        };
        answer.await.unwrap();
        let kept = open.record().unwrap().decision.unwrap();
        assert_eq!((kept.policy, kept.decision), ("per-client", decision));
    }
    open.finish(Ending::Complete);
}
