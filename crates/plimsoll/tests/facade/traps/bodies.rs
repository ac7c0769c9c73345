use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::{Request, Response, StatusCode, header};
use plimsoll_testkit::body::{Script, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{answering, only, serving, told};
use crate::support::{ask, get, raw, status};

#[tokio::test]
async fn the_answer_to_head_is_whole_though_its_body_is_never_polled() {
    let app = Router::new().route("/", any(async || "ok"));
    let (address, signals) = serving(app).await;
    let answer = ask(address, "HEAD", "/").await;
    assert!(answer.contains("content-length: 2") && answer.ends_with("\r\n\r\n"));
    let line = only(&signals, "success").await;
    assert_eq!(
        (&line["method"], &line["slo"]),
        (&"HEAD".into(), &"good".into())
    );
}

#[tokio::test]
async fn a_204_and_a_304_are_whole_at_their_heads() {
    let app = Router::new()
        .route("/204", any(async || StatusCode::NO_CONTENT))
        .route("/304", any(async || StatusCode::NOT_MODIFIED));
    let (address, signals) = serving(app).await;
    for (path, code) in [("/204", 204), ("/304", 304)] {
        assert_eq!(status(&get(address, path).await), code);
    }
    told(&signals, &["success", "success"]).await;
}

/// Switches to a protocol that sends back what it is sent.
async fn upgrade(mut request: Request<Body>) -> Response<Body> {
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = hyper_util::rt::TokioIo::new(upgrading.await.unwrap());
        let (mut from, mut to) = tokio::io::split(stream);
        tokio::io::copy(&mut from, &mut to).await.unwrap();
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "echo");
    response.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn an_upgrade_is_whole_at_its_head_and_its_bytes_go_on() {
    let (address, signals) = serving(Router::new().route("/", any(upgrade))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
    }
    let line = only(&signals, "success").await;
    assert_eq!(line["status"], 101);
    stream.write_all(b"still there").await.unwrap();
    let mut echo = [0; 11];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"still there", "after its request is over");
}

#[tokio::test]
async fn trailers_reach_the_client_and_end_the_request() {
    let app = Router::new().route(
        "/",
        any(async || {
            let steps = [Step::Data("ab"), Step::Trailers(&[("x-sum", "7")])];
            let mut response = Response::new(Body::new(Script::new(steps)));
            let names = http::HeaderValue::from_static("x-sum");
            response.headers_mut().insert(header::TRAILER, names);
            response
        }),
    );
    let (address, signals) = serving(app).await;
    let request = "GET / HTTP/1.1\r\nhost: test\r\nte: trailers\r\nconnection: close\r\n\r\n";
    let answer = raw(address, request).await;
    assert!(answer.ends_with("0\r\nx-sum: 7\r\n\r\n"), "{answer}");
    let line = only(&signals, "success").await;
    assert_eq!(line["bytes_out"], 2);
}

#[tokio::test]
async fn a_body_that_knows_its_end_is_whole_though_nobody_asks_again() {
    let app = Router::new().route(
        "/",
        answering(|| {
            Script::new([Step::Data("abc")])
                .declaring(3)
                .knowing_its_end()
        }),
    );
    let (address, signals) = serving(app).await;
    assert!(get(address, "/").await.ends_with("\r\n\r\nabc"));
    only(&signals, "success").await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_counted_byte_for_byte() {
    let app = Router::new().route(
        "/",
        answering(|| Script::new([Step::Data("ab"), Step::Data(""), Step::Data("cde")])),
    );
    let (address, signals) = serving(app).await;
    assert!(get(address, "/").await.ends_with("0\r\n\r\n"));
    let line = only(&signals, "success").await;
    assert_eq!(line["bytes_out"], 5);
}

#[tokio::test]
async fn a_body_that_fails_is_no_success_and_does_not_look_whole() {
    let app = Router::new().route(
        "/",
        answering(|| Script::new([Step::Data("ab"), Step::Fail("disk")])),
    );
    let (address, signals) = serving(app).await;
    assert!(!get(address, "/").await.ends_with("0\r\n\r\n"));
    let line = only(&signals, "body_error").await;
    assert_eq!(
        (&line["slo"], &line["cause"]),
        (&"bad".into(), &"disk".into())
    );
}

#[tokio::test]
async fn a_body_shorter_than_it_declared_is_no_success() {
    let app = Router::new().route(
        "/",
        answering(|| Script::new([Step::Data("ab")]).declaring(3)),
    );
    let (address, signals) = serving(app).await;
    let answer = get(address, "/").await;
    assert!(!answer.ends_with("abc"), "{answer}");
    only(&signals, "body_error").await;
}
