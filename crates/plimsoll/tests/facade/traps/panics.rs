use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use plimsoll_testkit::body::{Script, Step};
use tokio::net::TcpStream;

use super::{answering, only, serving, told};
use crate::support::{get, status};

/// What a handler of a test says as it dies; no client may see it.
const SAID: &str = "token=s3cret";

#[tokio::test]
async fn a_panic_in_call_is_an_answer_and_one_event_of_each_signal() {
    let panicking = |_: Request<Body>| -> std::future::Ready<Result<Response<Body>, Infallible>> {
        panic!("{SAID}")
    };
    let app = Router::new().route_service("/", tower::service_fn(panicking));
    answered(app).await;
}

#[tokio::test]
async fn a_panic_in_the_future_is_an_answer_and_one_event_of_each_signal() {
    let app = Router::new().route("/", on_get(async || -> () { panic!("{SAID}") }));
    answered(app).await;
}

#[tokio::test]
async fn a_panic_after_a_wait_is_an_answer_and_one_event_of_each_signal() {
    let panicking = async || -> () {
        tokio::task::yield_now().await;
        panic!("{SAID}")
    };
    answered(Router::new().route("/", on_get(panicking))).await;
}

async fn answered(app: Router) {
    let (address, signals) = serving(app).await;
    let answer = get(address, "/").await;
    assert_eq!(status(&answer), 500, "{answer}");
    assert!(
        answer.contains("problem+json") && !answer.contains(SAID),
        "{answer}"
    );
    let line = only(&signals, "panic").await;
    assert_eq!(
        (&line["slo"], &line["blame"]),
        (&"bad".into(), &"server".into())
    );
    let events = usize::from(cfg!(feature = "sentry"));
    assert_eq!(signals.events().len(), events, "{:?}", signals.events());
}

#[tokio::test]
async fn a_panic_in_a_body_ends_it_with_an_error_and_is_recorded() {
    let app = Router::new().route(
        "/",
        answering(|| Script::new([Step::Data("ab"), Step::Panic(SAID)])),
    );
    let (address, signals) = serving(app).await;
    assert!(!get(address, "/").await.ends_with("0\r\n\r\n"));
    let line = only(&signals, "panic").await;
    assert_eq!(
        (&line["status"], &line["slo"]),
        (&200.into(), &"bad".into())
    );
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_body_that_was_sent_changes_nothing() {
    let app = Router::new().route(
        "/",
        answering(|| Script::new([Step::Data("ab")]).panicking_in_drop(SAID)),
    );
    let (address, signals) = serving(app).await;
    let answer = get(address, "/").await;
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
    only(&signals, "success").await;
}

#[tokio::test]
async fn two_panics_of_one_request_are_one_panic() {
    let app = Router::new()
        .route(
            "/body",
            answering(|| Script::new([Step::Panic(SAID)]).panicking_in_drop(SAID)),
        )
        .route_service("/future", tower::service_fn(|_: Request<Body>| Twice));
    let (address, signals) = serving(app).await;
    assert!(!get(address, "/body").await.ends_with("0\r\n\r\n"));
    let answer = get(address, "/future").await;
    assert_eq!(status(&answer), 500, "{answer}");
    told(&signals, &["panic", "panic"]).await;
}

/// Panics when it is polled, and again when it is dropped.
struct Twice;

impl Future for Twice {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        panic!("{SAID}")
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "{SAID}");
    }
}

#[tokio::test]
async fn a_panic_in_one_stream_leaves_the_others_of_its_connection_alone() {
    let app = Router::new()
        .route("/ok", on_get(async || "ok"))
        .route("/call", on_get(async || -> () { panic!("{SAID}") }))
        .route(
            "/body",
            answering(|| Script::new([Step::Data("ab"), Step::Panic(SAID)])),
        )
        .route(
            "/drop",
            answering(|| Script::new([Step::Data("ab")]).panicking_in_drop(SAID)),
        );
    let (address, signals) = serving(app).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
    let (mut sender, connection) = shaken.unwrap();
    let connection = tokio::spawn(connection);
    for (path, whole) in [
        ("/call", true),
        ("/body", false),
        ("/drop", true),
        ("/ok", true),
    ] {
        let request = Request::get(format!("http://{address}{path}"));
        let request = request.body(Empty::<&[u8]>::new()).unwrap();
        let answer = async {
            let response = sender.send_request(request).await?;
            response.into_body().collect().await
        };
        assert_eq!(answer.await.is_ok(), whole, "{path}");
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    told(&signals, &["panic", "panic", "success", "success"]).await;
}
