use axum::Router;
use axum::routing::get;
use plimsoll_testkit::body::{Script, Step};
use plimsoll_testkit::wait::until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::layer::SubscriberExt;

use super::{answering, only, serving};

const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[tokio::test]
async fn a_client_that_leaves_before_the_head_is_counted_and_no_longer_in_flight() {
    let app = Router::new().route("/", get(std::future::pending::<()>));
    let (address, signals) = serving(app).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    let in_flight = || (signals.report().requests.in_flight == 1).then_some(());
    until("request in flight", in_flight).await;
    drop(stream);
    let line = only(&signals, "client_gone_before_head").await;
    assert_eq!(line["slo"], "excluded", "it waited less than a second");
}

#[tokio::test]
async fn a_client_that_leaves_mid_body_is_told_from_one_that_was_served() {
    let app = Router::new().route(
        "/",
        answering(|| Script::new([Step::Data("ab"), Step::Hang])),
    );
    let (address, signals) = serving(app).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"ab\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
    }
    assert_eq!(signals.report().requests.in_flight, 1, "until its end");
    drop(stream);
    let line = only(&signals, "client_gone_mid_body").await;
    let said = (&line["status"], &line["bytes_out"], &line["slo"]);
    assert_eq!(said, (&200.into(), &2.into(), &"excluded".into()));
}

/// Says something as it is dropped, as a guard of a handler does.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        tracing::info!("let go");
    }
}

#[tokio::test]
async fn what_a_handler_says_as_its_client_leaves_carries_the_ids() {
    let (plimsoll, signals) = super::watched(|builder| builder).await;
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let held = async || {
        let _guard = Guard;
        std::future::pending::<()>().await;
    };
    let app = Router::new().route("/", get(held));
    let address = crate::support::serve(app.layer(plimsoll.layer())).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    let in_flight = || (signals.report().requests.in_flight == 1).then_some(());
    until("request in flight", in_flight).await;
    drop(stream);
    let line = only(&signals, "client_gone_before_head").await;
    let said = signals.lines();
    let said = said
        .iter()
        .find(|line| line["message"] == "let go")
        .unwrap();
    assert_eq!(said["trace_id"], line["trace_id"], "{said}");
    assert_eq!(said["request_id"], line["request_id"], "{said}");
}
