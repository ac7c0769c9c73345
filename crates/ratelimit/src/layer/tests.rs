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
use crate::answers::Form;
use crate::{Answers, Limit, Limiter, Quota};

fn request() -> Request<()> {
    let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
    Request::builder().extension(peer).body(()).unwrap()
}

struct Nowhere;

impl Sink for Nowhere {
    fn now(&self) -> u64 {
        1
    }

    fn finish(&self, _: Box<Record>) {}
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

    // An outer limit that refuses is not forgotten for an inner one that allows.
    let inner = RateLimitLayer::new(per_client("inner", Quota::per_hour(9), Answers::exact()));
    let mut inner = inner.layer(service_fn(|_: Request<()>| {
        std::future::ready(Answered::Ok(Response::new(String::new())))
    }));
    let answer = {
        let _entered = open.enter();
        inner.call(request())
    };
    assert_eq!(answer.await.unwrap().status(), 200);
    let kept = open.record().unwrap().decision.unwrap();
    assert_eq!((kept.policy, kept.decision), ("per-client", "deny"));
    open.finish(Ending::Complete);
}

/// Asks a service with this limiter around `handler` so often; the answers.
async fn asked<F>(
    limiter: Limiter,
    times: usize,
    handler: impl Fn(Request<()>) -> F + Clone,
) -> Vec<Response<String>>
where
    F: Future<Output = Answered>,
{
    let service = RateLimitLayer::new(limiter).layer(service_fn(handler));
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(service.clone().oneshot(request()).await.unwrap());
    }
    answers
}

fn per_client(name: &str, quota: Quota, answers: Answers) -> Limiter {
    let limit = Limit::per_client().named(name).quota(quota);
    Limiter::with([limit], Clock::manual().0, Trust::nobody(), answers).unwrap()
}

#[tokio::test]
async fn a_request_that_is_refused_inside_costs_no_quota_and_one_that_fails_does() {
    let retry_after = Duration::from_secs(1);
    let limit = Duration::from_secs(10);
    for (inside, given_back) in [
        (Some(Refusal::Concurrency { retry_after }), true),
        (Some(Refusal::Shed { retry_after }), true),
        (Some(Refusal::Deadline { retry_after }), true),
        (Some(Refusal::LimiterDown { policy: "shared" }), true),
        (Some(Refusal::Timeout { limit }), false),
        (None, false),
    ] {
        let limiter = per_client("per-client", Quota::per_hour(2), Answers::exact());
        let handler = move |_| {
            let fault = || Response::builder().status(503).body(String::new()).unwrap();
            std::future::ready(Ok(inside.map_or_else(fault, Refusal::response)))
        };
        let answers = asked(limiter, 5, handler).await;
        let over = answers.iter().filter(|answer| answer.status() == 429);
        assert_eq!(over.count(), if given_back { 0 } else { 3 }, "{inside:?}");
    }
}

#[tokio::test]
async fn what_an_inner_limiter_refuses_costs_the_outer_one_nothing() {
    let outer = per_client("outer", Quota::per_hour(4), Answers::exact());
    let inner = per_client("inner", Quota::per_hour(3), Answers::exact());
    let inner = RateLimitLayer::new(inner);
    let handler = move |request| {
        let card = service_fn(|_| std::future::ready(Answered::Ok(Response::new(String::new()))));
        inner.layer(card).oneshot(request)
    };
    let answers = asked(outer, 20, handler).await;
    for (sent, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status() == 200, sent < 3, "request {sent}");
        let fields: Vec<_> = answer.headers().get_all("ratelimit").iter().collect();
        assert_eq!(fields.len(), 2, "{fields:?}");
    }
}

#[tokio::test]
async fn of_two_limiters_an_older_form_tells_the_tighter_once() {
    for (form, field) in [
        (Form::XRateLimit, "x-ratelimit-remaining"),
        (Form::Draft7, "ratelimit"),
    ] {
        for (outer, inner, told) in [(9, 5, 5), (5, 9, 5)] {
            let answers = || Answers::exact().form(form);
            let outer = per_client("outer", Quota::per_hour(outer), answers());
            let inner = per_client("inner", Quota::per_hour(inner), answers());
            let inner = RateLimitLayer::new(inner);
            let handler = move |request| {
                let card =
                    service_fn(|_| std::future::ready(Answered::Ok(Response::new(String::new()))));
                inner.layer(card).oneshot(request)
            };
            let answers = asked(outer, 1, handler).await;
            let headers = answers[0].headers();
            let said: Vec<_> = headers.get_all(field).iter().collect();
            let expected = match form {
                Form::XRateLimit => format!("{}", told - 1),
                _ => format!("limit={told}, remaining={}, reset=2880", told - 1),
            };
            assert_eq!(said, [expected.as_str()]);
            assert!(headers.get_all("ratelimit-policy").iter().count() <= 1);
        }
    }
}

#[tokio::test]
async fn a_route_without_limits_is_neither_counted_nor_told_of() {
    let limiter = per_client("per-client", Quota::per_hour(1), Answers::exact());
    let rollout = Rollout::default();
    rollout.never_limit("/errors/{code}");
    let layer = RateLimitLayer::new(limiter.clone()).rollout(rollout.clone());
    let mut service = layer.layer(service_fn(|_: Request<()>| {
        std::future::ready(Answered::Ok(Response::new(String::new())))
    }));
    let mut record = Record::new(fresh_ids(false), 0);
    record.route = "/errors/{code}";
    let mut open = Open::new(Box::new(record), Arc::new(Nowhere));
    for _ in 0..3 {
        let answer = {
            let _entered = open.enter();
            service.call(request())
        };
        let answer = answer.await.unwrap();
        assert!(answer.status() == 200 && answer.headers().is_empty());
    }
    assert_eq!(open.record().unwrap().decision, None);
    assert!(limiter.stats().iter().all(|stat| stat.count == 0));
    assert_eq!(rollout.counts(), []);
    open.finish(Ending::Complete);
}
