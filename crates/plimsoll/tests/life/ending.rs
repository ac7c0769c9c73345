use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{Request, Version, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use plimsoll_testkit::http::get;
use plimsoll_testkit::otlp::{Behaviour, Collector};
use plimsoll_testkit::process::{Process, Signal};
use plimsoll_testkit::wait::{until, until_told};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::service::start;

/// Asks for `/gate`, on HTTP/1.1 or HTTP/2, and returns once it is in flight.
async fn held(service: &Process, version: Version) -> JoinHandle<(String, String)> {
    let address = service.address("service").await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let request = Request::get(format!("http://{address}/gate")).version(version);
    let request = request
        .header(header::HOST, "test")
        .body(Empty::<&[u8]>::new());
    let request = request.unwrap();
    let asked = tokio::spawn(async move {
        let response = if version == Version::HTTP_2 {
            let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
            let (mut sender, connection) = shaken.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            let shaken = hyper::client::conn::http1::handshake(stream).await;
            let (mut sender, connection) = shaken.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        let close = response.headers().get(header::CONNECTION).cloned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let close = close.map_or_else(String::new, |close| close.to_str().unwrap().into());
        (String::from_utf8(body.to_vec()).unwrap(), close)
    });
    in_flight(service, 1).await;
    asked
}

async fn in_flight(service: &Process, count: u64) {
    let control = service.address("control").await;
    let asked = format!("\"in_flight\":{count},");
    until_told("requests in flight", async || {
        let ledger = get(control, "/ledger").await;
        let ledger = String::from_utf8_lossy(ledger.body());
        ledger.contains(&asked).then_some(())
    })
    .await;
}

async fn status_of(address: SocketAddr, path: &str) -> u16 {
    get(address, path).await.status().as_u16()
}

#[tokio::test]
async fn while_draining_everything_is_served_and_only_readiness_says_no() {
    let service = start(&[("PLIMSOLL_WAIT", "10s")]);
    let (address, status) = (
        service.address("service").await,
        service.address("status").await,
    );
    assert_eq!(status_of(status, "/readyz").await, 200);
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let held = held(&service, version).await;
        if version == Version::HTTP_11 {
            service.signal(Signal::TERM);
            service
                .line("draining", |line| line["message"] == "draining")
                .await;
        }
        assert_eq!(status_of(status, "/readyz").await, 503);
        assert_eq!(status_of(status, "/livez").await, 200);
        let answer = get(address, "/open").await;
        assert_eq!(answer.headers()[header::CONNECTION], "close");
        let (body, close) = held.await.unwrap();
        assert_eq!(body, "through", "{version:?}");
        let expected = if version == Version::HTTP_2 {
            ""
        } else {
            "close"
        };
        assert_eq!(close, expected, "{version:?}");
    }
    // A second signal ends the wait; nothing is left to be cut.
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(ended.ledger()["balances"], true);
}

#[tokio::test]
async fn an_endless_stream_is_cut_at_the_drain_deadline_and_the_exit_code_tells() {
    let service = start(&[("PLIMSOLL_WAIT", "0s"), ("PLIMSOLL_DRAIN", "1s")]);
    let address = service.address("service").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"data: first\n\n\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
    }
    let begin = Instant::now();
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    let took = begin.elapsed();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    assert!(
        took >= Duration::from_secs(1),
        "{took:?}: the stream had its time"
    );
    let requests = &ended.ledger()["requests"];
    assert_eq!(
        (&requests["shutdown_abort"], &requests["in_flight"]),
        (&1.into(), &0.into())
    );
    let line = ended
        .lines
        .iter()
        .find(|line| line["path"] == "/events")
        .unwrap();
    assert_eq!(
        (&line["outcome"], &line["slo"]),
        (&"shutdown_abort".into(), &"bad".into())
    );
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(
        !rest.ends_with(b"0\r\n\r\n"),
        "a cut body must not look whole"
    );
}

#[tokio::test]
async fn a_person_at_a_terminal_does_not_wait_for_load_balancers() {
    let service = start(&[("PLIMSOLL_WAIT", "20s"), ("PLIMSOLL_DRAIN", "2s")]);
    let held = held(&service, Version::HTTP_11).await;
    let begin = Instant::now();
    service.signal(Signal::INT);
    service
        .line("draining", |line| line["signal"] == "SIGINT")
        .await;
    let ended = service.ended().await;
    assert!(begin.elapsed() < Duration::from_secs(15), "no wait of 20 s");
    assert_eq!(
        ended.status.code(),
        Some(1),
        "the request held at the gate was cut"
    );
    assert!(held.await.is_err());
}

#[tokio::test]
async fn a_second_signal_cuts_the_flush_short_and_the_ledger_says_what_is_unknown() {
    let collector = Collector::start(Behaviour::Hanging).await;
    let endpoint = collector.endpoint();
    let service = start(&[
        ("PLIMSOLL_WAIT", "0s"),
        ("PLIMSOLL_DRAIN", "1s"),
        ("PLIMSOLL_FLUSH", "25s"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
    ]);
    let address = service.address("service").await;
    assert_eq!(status_of(address, "/ok").await, 200);
    service.signal(Signal::TERM);
    until("the flush", || (collector.exports() == 1).then_some(())).await;
    let begin = Instant::now();
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert!(begin.elapsed() < Duration::from_secs(15), "cut short");
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    let ledger = ended.ledger();
    assert_eq!(ledger["balances"], true, "{ledger}");
    // On its way to a collector that has not answered.
    assert_eq!(ledger["traces"]["pending"], 1, "{ledger}");
}

/// Connects, asks and is answered, over and over. Returns how often it was
/// connected and got no answer, once nobody takes connections any more.
async fn short_lived(address: SocketAddr) -> u64 {
    let mut unanswered = 0;
    while let Ok(mut stream) = TcpStream::connect(address).await {
        let request = b"GET /ok HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        let mut answer = Vec::new();
        let _ = stream.write_all(request).await;
        let _ = stream.read_to_end(&mut answer).await;
        if !answer.ends_with(b"\r\n\r\nok") {
            unanswered += 1;
        }
    }
    unanswered
}

#[tokio::test]
async fn whoever_could_connect_is_answered_even_at_the_moment_of_the_close() {
    for _ in 0..5 {
        let service = start(&[("PLIMSOLL_WAIT", "30ms"), ("PLIMSOLL_LOG", "warn")]);
        let address = service.address("service").await;
        let clients: Vec<_> = (0..16)
            .map(|_| tokio::spawn(short_lived(address)))
            .collect();
        get(address, "/ok").await;
        service.signal(Signal::TERM);
        let ended = service.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
        for client in clients {
            assert_eq!(client.await.unwrap(), 0, "{}", ended.ledger());
        }
    }
}
