use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use plimsoll_core::{Clock, Mode, Part, Refusal, Rollout};
use tower::{Layer, ServiceExt, service_fn};

use super::{Drain, DrainLayer};

const SERVE_FOR: Duration = Duration::from_secs(23);

async fn answer(request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    let upgrade = request.uri().path() == "/socket";
    let status = if upgrade { 101 } else { 200 };
    let mut response = Response::new(Full::from("card"));
    *response.status_mut() = status.try_into().unwrap();
    Ok(response)
}

fn request(version: Version, path: &str) -> Request<()> {
    let request = Request::builder().version(version).uri(path);
    request.body(()).unwrap()
}

macro_rules! ask {
    ($drain:expr, $rollout:expr, $request:expr) => {
        DrainLayer::new($drain.clone())
            .rollout($rollout.clone())
            .layer(service_fn(answer))
            .oneshot($request)
            .await
            .unwrap()
    };
}

#[tokio::test]
async fn while_draining_http_1_clients_are_asked_to_close_and_still_served() {
    let (clock, hand) = Clock::manual();
    let (drain, rollout) = (Drain::new(clock), Rollout::default());
    let plain = ask!(drain, rollout, request(Version::HTTP_11, "/"));
    assert!(plain.headers().is_empty());

    drain.begin(SERVE_FOR);
    hand.advance(SERVE_FOR / 2);
    for (version, path, closes) in [
        (Version::HTTP_11, "/", true),
        (Version::HTTP_10, "/", true),
        (Version::HTTP_2, "/", false),
        (Version::HTTP_11, "/socket", false),
    ] {
        let answer = ask!(drain, rollout, request(version, path));
        assert_ne!(answer.status(), 503);
        let asked = answer.headers().contains_key("connection");
        assert_eq!(asked, closes, "{version:?} {path}");
    }
}

#[tokio::test]
async fn past_the_deadline_requests_are_refused() {
    let (clock, hand) = Clock::manual();
    let (drain, rollout) = (Drain::new(clock), Rollout::default());
    drain.begin(SERVE_FOR);
    hand.advance(SERVE_FOR);
    let refused = ask!(drain, rollout, request(Version::HTTP_11, "/"));
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["connection"], "close");
    assert_eq!(refused.extensions().get(), Some(&Refusal::Draining));
    assert_eq!(drain.refused(), 1);
}

#[tokio::test]
async fn observe_counts_once_a_request_and_changes_no_answer() {
    let (clock, hand) = Clock::manual();
    let (drain, rollout) = (Drain::new(clock), Rollout::default());
    rollout.set(Part::Drain, Mode::Observe);
    drain.begin(SERVE_FOR);
    for expected in 1..=2 {
        let answer = ask!(drain, rollout, request(Version::HTTP_11, "/"));
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().is_empty());
        assert_eq!(rollout.counts()[0].count, expected);
        hand.advance(SERVE_FOR);
    }
    rollout.set(Part::Drain, Mode::Off);
    let answer = ask!(drain, rollout, request(Version::HTTP_11, "/"));
    assert!(answer.headers().is_empty());
    assert_eq!(drain.in_flight(), 1);
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_body_ends() {
    let drain = Drain::new(Clock::system());
    let rollout = Rollout::default();
    let first = ask!(drain, rollout, request(Version::HTTP_11, "/"));
    let second = ask!(drain, rollout, request(Version::HTTP_11, "/"));
    assert_eq!(drain.in_flight(), 2);

    let waiting = tokio::spawn({
        let drain = drain.clone();
        async move { drain.idle().await }
    });
    tokio::task::yield_now().await;
    drop(first);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    second.into_body().collect().await.unwrap();
    waiting.await.unwrap();
}

#[test]
fn a_second_begin_can_only_hurry() {
    let (clock, _) = Clock::manual();
    let drain = Drain::new(clock);
    assert_eq!(drain.left(), None);
    drain.begin(SERVE_FOR);
    drain.begin(SERVE_FOR * 2);
    assert_eq!(drain.left(), Some(SERVE_FOR));
    drain.begin(Duration::ZERO);
    assert!(drain.is_over());
}

#[tokio::test]
async fn streams_are_told_once_and_whoever_asks_later_at_once() {
    let drain = Drain::new(Clock::system());
    let early = tokio::spawn(drain.closing());
    tokio::task::yield_now().await;
    drain.begin(SERVE_FOR);
    tokio::task::yield_now().await;
    assert!(
        !early.is_finished(),
        "clients would come back to this instance"
    );
    drain.close_streams();
    early.await.unwrap();
    drain.closing().await;
}

#[test]
fn an_upgraded_connection_is_in_flight_and_told_apart() {
    let drain = Drain::new(Clock::manual().0);
    drain.begin(SERVE_FOR);
    let (request, socket) = (drain.enter(), drain.enter_upgraded());
    assert_eq!((drain.in_flight(), drain.upgraded()), (2, 1));
    assert_eq!(
        drain.progress(),
        "draining, 2 in flight (1 upgraded), 23.0 s left"
    );
    drop(socket);
    assert_eq!((drain.in_flight(), drain.upgraded()), (1, 0));
    assert_eq!(drain.progress(), "draining, 1 in flight, 23.0 s left");
    drop(request);
    assert_eq!(drain.in_flight(), 0);
}
