//! A signal under load: the record of every request, of every client, is there.

use std::net::SocketAddr;

use plimsoll_testkit::otlp::{Behaviour, Collector};
use plimsoll_testkit::process::Signal;
use plimsoll_testkit::wait::until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::start;

/// Asks on connections of their own until nobody takes one; returns how often it
/// was answered whole, and how often not.
async fn ask(address: SocketAddr) -> (u64, u64) {
    let (mut answered, mut lost) = (0, 0);
    while let Ok(mut stream) = TcpStream::connect(address).await {
        let request = b"GET /ok HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        let mut answer = Vec::new();
        let _ = stream.write_all(request).await;
        let _ = stream.read_to_end(&mut answer).await;
        if answer.ends_with(b"\r\n\r\nok") {
            answered += 1;
        } else {
            lost += 1;
        }
    }
    (answered, lost)
}

/// A stream that has begun.
async fn stream(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"data: first\n\n\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
    }
    stream
}

#[tokio::test]
async fn sigterm_under_load_with_open_streams_loses_no_answer_no_line_and_no_span() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let service = start(&[
        ("PLIMSOLL_WAIT", "200ms"),
        ("PLIMSOLL_DRAIN", "300ms"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.base()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
    ]);
    let address = service.address("service").await;
    let streams = [stream(address).await, stream(address).await];
    let clients: Vec<_> = (0..8).map(|_| tokio::spawn(ask(address))).collect();
    // Load is there when its requests are.
    until("load", || {
        let lines = service.lines();
        let asked = lines.iter().filter(|line| line["path"] == "/ok").count();
        (asked > 50).then_some(())
    })
    .await;
    service.signal(Signal::TERM);
    let (mut answered, mut lost) = (0, 0);
    for client in clients {
        let (whole, cut) = client.await.unwrap();
        answered += whole;
        lost += cut;
    }
    let ended = service.ended().await;
    drop(streams);
    let ledger = ended.ledger();
    assert_eq!(lost, 0, "{ledger}");
    // The streams had their time and were cut.
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    let requests = &ledger["requests"];
    assert_eq!(requests["started"], answered + 2, "{ledger}");
    assert_eq!(requests["success"], answered, "{ledger}");
    assert_eq!(requests["shutdown_abort"], 2, "{ledger}");
    let told = ended.lines.iter().filter(|line| line["path"].is_string());
    assert_eq!(told.count() as u64, answered + 2, "{ledger}");
    let kept = collector.span_count() as u64;
    assert_eq!(ledger["traces"]["delivered"], kept, "{ledger}");
    assert_eq!(kept, answered + 2, "{ledger}");
    assert_eq!(ledger["balances"], true, "{ledger}");
}
