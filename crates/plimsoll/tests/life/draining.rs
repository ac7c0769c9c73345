//! Connections that do not end by themselves, and signals at awkward moments.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use http::Request;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use plimsoll::{Budget, Plimsoll};
use plimsoll_testkit::http::{Connection, get};
use plimsoll_testkit::process::{Process, Signal};
use plimsoll_testkit::wait::{PATIENCE, until_told};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::service::{SLOW_START, start};

/// Ends a service that has the default of 18 s to drain, which nobody should need.
async fn ends_at_once(service: Process, code: i32) {
    let begin = Instant::now();
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(code), "{:?}", ended.lines.last());
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(ended.ledger()["balances"], true);
}

async fn socket(address: SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let url = format!("ws://{address}{path}");
    client_async(url, stream).await.unwrap().0
}

#[tokio::test]
async fn connections_on_which_nobody_asks_hold_up_nothing() {
    let service = start(&[("PLIMSOLL_WAIT", "0s")]);
    let address = service.address("service").await;
    // A browser opens a second connection just in case, and keeps the first.
    let mut second = TcpStream::connect(address).await.unwrap();
    let mut first = Connection::open(address).await;
    let asked = Request::get("/ok").body("").unwrap();
    assert_eq!(first.ask(asked).await.status(), 200);
    ends_at_once(service, 0).await;
    assert_eq!(second.read(&mut [0]).await.unwrap(), 0, "closed, not reset");
}

#[tokio::test]
async fn heads_that_never_end_and_clients_that_never_ask_hold_up_nothing() {
    let service = start(&[("PLIMSOLL_WAIT", "200ms")]);
    let address = service.address("service").await;
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET /ca").await.unwrap();
    let mut asked = TcpStream::connect(address).await.unwrap();
    let request = b"GET /ok HTTP/1.1\r\nhost: test\r\n\r\n";
    asked.write_all(request).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"ok") {
        assert!(asked.read_buf(&mut seen).await.unwrap() > 0);
    }
    asked.write_all(b"GET /ca").await.unwrap();
    // The preface and empty SETTINGS (RFC 9113, section 3.4); no PING is answered.
    let mut deaf = TcpStream::connect(address).await.unwrap();
    deaf.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    ends_at_once(service, 0).await;
}

#[tokio::test]
async fn a_stream_of_events_is_told_and_ends_whole() {
    let service = start(&[("PLIMSOLL_WAIT", "0s")]);
    let address = service.address("service").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /ticks HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"data: first\n\n\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
    }
    ends_at_once(service, 0).await;
    stream.read_to_end(&mut seen).await.unwrap();
    let seen = String::from_utf8_lossy(&seen);
    assert!(
        seen.contains("event: bye") && seen.ends_with("\r\n0\r\n\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_websocket_is_waited_for_and_told_to_close() {
    let service = start(&[("PLIMSOLL_WAIT", "200ms")]);
    let address = service.address("service").await;
    let mut socket = socket(address, "/socket").await;
    let heard = tokio::spawn(async move { timeout(PATIENCE, socket.next()).await });
    ends_at_once(service, 0).await;
    let heard = heard.await.unwrap().unwrap().unwrap();
    assert!(matches!(heard, Ok(Message::Close(_))), "{heard:?}");
}

#[tokio::test]
async fn a_websocket_that_does_not_close_is_shown_and_cut_at_the_deadline() {
    let service = start(&[("PLIMSOLL_WAIT", "0s"), ("PLIMSOLL_DRAIN", "1s")]);
    let (address, status) = (
        service.address("service").await,
        service.address("status").await,
    );
    let socket = socket(address, "/socket/deaf").await;
    let begin = Instant::now();
    service.signal(Signal::TERM);
    let progress = until_told("the drain", async || {
        let answer = get(status, "/readyz").await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        text.contains("[-]shutdown failed: draining, ")
            .then_some(text)
    })
    .await;
    assert!(
        progress.contains("1 in flight (1 upgraded), "),
        "{progress}"
    );
    let ended = service.ended().await;
    assert!(begin.elapsed() >= Duration::from_secs(1), "it had its time");
    assert_eq!(ended.status.code(), Some(1));
    let told = &ended.errors;
    assert!(told.contains("0 requests, 1 upgraded"), "{told}");
    drop(socket);
}

#[tokio::test]
async fn http_2_clients_are_told_to_go_while_new_ones_are_still_served() {
    let service = start(&[("PLIMSOLL_WAIT", "20s")]);
    let address = service.address("service").await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
    let (mut sender, connection) = shaken.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("http://{address}/ok"));
    let request = request.body(Empty::<&[u8]>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    drop(answer);
    service.signal(Signal::TERM);
    // GOAWAY: without a stream of its own the connection ends, in the wait.
    timeout(PATIENCE / 3, connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(sender.is_closed());
    assert_eq!(
        get(address, "/ok").await.status(),
        200,
        "arriving in the wait"
    );
    ends_at_once(service, 0).await;
}

#[tokio::test]
async fn a_signal_during_start_up_ends_it_in_order_and_the_step_is_named_until_then() {
    let service = start(&[(SLOW_START, "1")]);
    let status = service.address("status").await;
    let startup = until_told("the step", async || {
        let answer = get(status, "/startupz").await;
        (answer.status() == 503).then_some(answer)
    })
    .await;
    let startup = String::from_utf8_lossy(startup.body()).into_owned();
    assert!(startup.contains("[-]migrations failed"), "{startup}");
    for (path, code) in [("/readyz", 503), ("/livez", 200)] {
        assert_eq!(get(status, path).await.status(), code, "{path}");
    }
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "nothing was cut");
    let line = ended.lines.iter().find(|line| line["step"] == "migrations");
    assert_eq!(line.unwrap()["signal"], "SIGTERM");
    assert_eq!(ended.ledger()["balances"], true);
}

#[tokio::test]
async fn a_shutdown_that_cannot_fit_into_the_grace_is_refused_at_the_start() {
    let drain = Duration::from_secs(25);
    let budget = Budget {
        drain,
        ..Budget::default()
    };
    let builder = Plimsoll::builder("guest").env(Vec::new).budget(budget);
    let refused = builder.build().unwrap_err();
    assert_eq!(refused.exit_code(), 2);
    assert!(
        refused.to_string().contains("lower drain to 21s"),
        "{refused}"
    );
}
