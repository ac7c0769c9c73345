use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_core::record::fresh_ids;
use plimsoll_core::{Clock, Criticality, Open, Record, Sink};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{Event, PacingError, PacingLayer, Partition, Patience};
use crate::gcra::Gcra;
use crate::headers::left_and_window;
use crate::{Limit, Limiter, Quota, RateLimitLayer};

mod goodput;
mod obeys;

type Bodied = Full<Bytes>;

struct Nowhere;

impl Sink for Nowhere {
    fn now(&self) -> u64 {
        1
    }
    fn finish(&self, _: Box<Record>) {}
}

fn to(path: &str) -> Request<Bodied> {
    let request = Request::get(format!("http://cards.internal{path}"));
    request.body(Full::default()).unwrap()
}

fn problem(status: u16, retry: &str) -> Response<Bodied> {
    let body = format!(r#"{{"title":"t","retry":{{"policy":"{retry}"}}}}"#);
    let answer = Response::builder().status(status);
    let answer = answer.header("content-type", "application/problem+json");
    answer.body(Full::from(body)).unwrap()
}

/// A client whose server answers what `answer` makes of the number of the request.
fn client<F>(
    layer: &PacingLayer,
    answer: F,
) -> (
    impl Service<
        Request<Bodied>,
        Response = Response<super::ResponseBody<Bodied>>,
        Error = PacingError<Infallible>,
        Future: Send,
    > + Clone
    + use<F>,
    Arc<AtomicU32>,
)
where
    F: Fn(u32, &Request<Bodied>) -> Response<Bodied> + Clone + Send + 'static,
{
    let sent = Arc::new(AtomicU32::new(0));
    let number = Arc::clone(&sent);
    let server = service_fn(move |request: Request<Bodied>| {
        let answer = answer(number.fetch_add(1, Ordering::Relaxed), &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    (layer.layer(server), sent)
}

#[tokio::test(start_paused = true)]
async fn only_what_the_problem_calls_safe_is_sent_again() {
    for (retry, key, tries) in [
        ("never", true, 1),
        ("safe", false, 3),
        ("same_key", false, 1),
        ("same_key", true, 3),
        ("after", false, 3),
        ("unheard_of", true, 1),
    ] {
        let (client, sent) = client(&PacingLayer::new(), move |_, _| problem(500, retry));
        let mut request = to("/");
        if key {
            let key = HeaderValue::from_static("k");
            request.headers_mut().insert("idempotency-key", key);
        }
        let answer = client.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 500);
        assert_eq!(sent.load(Ordering::Relaxed), tries, "{retry} {key}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"{"), "the last answer comes whole");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_retry_after_says_and_says_that_it_is_one() {
    let layer = PacingLayer::new();
    let (client, _) = client(&layer, |number, request| {
        let resent = request.extensions().get::<plimsoll_core::calls::Resend>();
        assert_eq!(
            resent.map(|resent| resent.0),
            (number > 0).then_some(number)
        );
        if number > 0 {
            return Response::new(Full::from("a card"));
        }
        let mut answer = problem(503, "after");
        let wait = HeaderValue::from_static("2");
        answer.headers_mut().insert("retry-after", wait);
        answer
    });
    let began = Instant::now();
    let answer = client.oneshot(to("/")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let took = began.elapsed().as_secs_f64();
    assert!((2.0..=3.01).contains(&took), "{took}");
    assert_eq!(layer.counts().of(Event::Retried), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_the_patience_the_budget_and_the_body() {
    let layer = PacingLayer::new().tries(100).multiplier(1e9);
    let (failing, sent) = client(&layer, |_, _| problem(500, "safe"));
    let mut request = to("/");
    let patience = Duration::from_secs(3);
    request.extensions_mut().insert(Patience(patience));
    let began = Instant::now();
    failing.clone().oneshot(request).await.unwrap();
    assert!(began.elapsed() <= patience);
    assert_eq!(layer.counts().of(Event::GivenUp), 1);

    for _ in 0..1_000 {
        failing.clone().oneshot(to("/")).await.unwrap();
    }
    let retries = layer.counts().of(Event::Retried);
    assert_eq!(u64::from(sent.load(Ordering::Relaxed)), 1_001 + retries);
    assert!(retries <= 10 + 101, "{retries}");
    assert!(layer.counts().of(Event::NoBudget) > 500);

    let layer = PacingLayer::new();
    let (failing, sent) = client(&layer, |_, _| problem(500, "safe"));
    let large = Full::from(vec![0; 2_000_000]);
    let request = to("/").map(|_| large);
    failing.oneshot(request).await.unwrap();
    assert_eq!(sent.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_turn_comes_too_late_fails_at_once_and_says_when_it_comes() {
    let layer = PacingLayer::new();
    let (client, sent) = client(&layer, |_, _| {
        let mut answer = Response::new(Full::default());
        let field = HeaderValue::from_static(r#""day";r=0;t=60"#);
        answer.headers_mut().insert("ratelimit", field);
        answer
    });
    client.clone().oneshot(to("/")).await.unwrap();
    let began = Instant::now();
    let late = client.clone().oneshot(to("/")).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::ZERO);
    let wait = Duration::from_mins(1);
    assert!(
        matches!(late, PacingError::TooLong { wait: told } if told == wait),
        "{late}"
    );
    // Another part of the clients has a pace of its own.
    let mut other = to("/");
    other.extensions_mut().insert(Partition("tenant-b".into()));
    client.oneshot(other).await.unwrap();
    assert_eq!(sent.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_429_without_fields_closes_its_server_for_as_long_as_it_says() {
    let layer = PacingLayer::new();
    let (client, _) = client(&layer, |number, _| {
        let answer = Response::builder().status(if number == 0 { 429 } else { 200 });
        answer
            .header("retry-after", "3")
            .body(Full::default())
            .unwrap()
    });
    client.clone().oneshot(to("/")).await.unwrap();
    let began = Instant::now();
    client.oneshot(to("/")).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_is_spared_most_calls() {
    let layer = PacingLayer::new();
    let (client, sent) = client(&layer, |_, _| {
        Response::builder()
            .status(503)
            .body(Full::default())
            .unwrap()
    });
    let mut throttled = 0;
    for _ in 0..1_000 {
        let answer = client.clone().oneshot(to("/")).await;
        throttled += u32::from(matches!(answer, Err(PacingError::Throttled)));
    }
    assert_eq!(throttled + sent.load(Ordering::Relaxed), 1_000);
    assert!(throttled > 900, "{throttled}");
    assert_eq!(layer.counts().of(Event::Throttled), u64::from(throttled));
}

#[tokio::test(start_paused = true)]
async fn a_call_hands_on_how_critical_its_request_is_and_how_long_it_may_take() {
    let (clock, hand) = Clock::manual();
    let layer = PacingLayer::new()
        .clock(clock.clone())
        .criticality_header(http::HeaderName::from_static("x-criticality"))
        .deadline_header(http::HeaderName::from_static("x-request-timeout-ms"));
    let (client, _) = client(&layer, |_, request| {
        let headers = request.headers();
        assert_eq!(headers["x-criticality"], "sheddable");
        assert_eq!(headers["x-request-timeout-ms"], "1500");
        let mut answer = Response::new(Full::default());
        let field = HeaderValue::from_static(r#""day";r=0;t=2"#);
        answer.headers_mut().insert("ratelimit", field);
        answer
    });
    let mut record = Record::new(fresh_ids(false), clock.now());
    record.criticality = Some(Criticality::Sheddable);
    record.deadline = Some(clock.now() + 2_000_000_000);
    hand.advance(Duration::from_millis(500));
    let mut open = Open::new(Box::new(record), Arc::new(Nowhere));
    let calls = {
        let _entered = open.enter();
        [client.clone().call(to("/")), client.clone().call(to("/"))]
    };
    let [first, second] = calls;
    first.await.unwrap();
    // Its turn comes in two seconds; the caller is gone in one and a half.
    assert!(matches!(second.await, Err(PacingError::TooLong { .. })));
}

/// Both halves in virtual time: many tasks of one client against our arithmetic.
#[tokio::test(start_paused = true)]
async fn tasks_of_one_client_see_no_429_after_the_first_answer() {
    let quota = Quota::per_second(10).burst(5);
    let gcra: Gcra = quota.check().unwrap();
    let began = Instant::now();
    let tat = Arc::new(std::sync::Mutex::new(0));
    let denied = Arc::new(AtomicU32::new(0));
    let of_server = Arc::clone(&denied);
    let layer = PacingLayer::new().patience(Duration::from_mins(10));
    let (client, sent) = client(&layer, move |_, _| {
        let now = 1_000_000_000 + u64::try_from(began.elapsed().as_nanos()).unwrap();
        let mut tat = tat.lock().unwrap();
        let (decision, kept) = gcra.decide(*tat, now, 1);
        *tat = kept;
        of_server.fetch_add(u32::from(!decision.allows()), Ordering::Relaxed);
        let (left, window) = left_and_window(&decision);
        let answer = Response::builder().status(if decision.allows() { 200 } else { 429 });
        answer
            .header("ratelimit", format!(r#""p";r={left};t={window}"#))
            .header("ratelimit-policy", r#""p";q=10;w=1"#)
            .body(Full::default())
            .unwrap()
    });
    client.clone().oneshot(to("/")).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    client.clone().oneshot(to("/")).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        (denied.load(Ordering::Relaxed), sent.load(Ordering::Relaxed)),
        (0, 201)
    );
    // 20 s at the sustained rate; what waits for whole seconds costs some.
    let took = began.elapsed().as_secs();
    assert!(took <= 45, "{took}");
}

#[tokio::test]
async fn the_layer_of_this_crate_is_understood() {
    let limit = Limit::per_client().quota(Quota::per_hour(1).burst(2));
    let limiter = Limiter::new([limit], Clock::system(), Trust::nobody()).unwrap();
    let handler = service_fn(async |_: Request<Bodied>| {
        Ok::<_, Infallible>(Response::new(Bodied::default()))
    });
    let layer = PacingLayer::new();
    let client = layer.layer(RateLimitLayer::new(limiter).layer(handler));
    let ask = || {
        let mut request = to("/");
        let peer = PeerAddr(([203, 0, 113, 9], 4_711).into());
        request.extensions_mut().insert(peer);
        client.clone().oneshot(request)
    };
    for _ in 0..2 {
        assert_eq!(ask().await.unwrap().status(), 200);
    }
    assert!(matches!(ask().await, Err(PacingError::TooLong { .. })));
}
