use std::net::SocketAddr;

use plimsoll_core::names::{CONNECTION_ERRORS, label};
use plimsoll_testkit::http::{get, raw};
use plimsoll_testkit::page::Page;
use plimsoll_testkit::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::service::start;

async fn errors(status: SocketAddr, reason: &str) -> f64 {
    let page = get(status, "/metrics").await;
    let page = Page::read(std::str::from_utf8(page.body()).unwrap());
    page.sum(CONNECTION_ERRORS, &[(label::REASON, reason)])
}

#[tokio::test]
async fn what_no_layer_ever_sees_is_counted_by_its_reason() {
    let service = start(&[("PLIMSOLL_WAIT", "0s")]);
    let (address, status) = (
        service.address("service").await,
        service.address("status").await,
    );
    let headers = "x: 1\r\n".repeat(200);
    let many = format!("GET / HTTP/1.1\r\n{headers}\r\n");
    for (sent, answer, reason) in [
        // Latin 1; the same letter in UTF-8 is taken.
        (
            &b"GET /caf\xe9 HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"[..],
            "400",
            "parse",
        ),
        (b"\x16\x03\x01\r\n\r\n", "400", "parse"),
        (many.as_bytes(), "431", "too_large"),
    ] {
        let before = errors(status, reason).await;
        let got = raw(address, sent).await;
        let got = String::from_utf8_lossy(&got);
        assert!(got.starts_with(&format!("HTTP/1.1 {answer} ")), "{got}");
        assert_eq!(
            (errors(status, reason).await - before) as u64,
            1,
            "{reason}"
        );
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
    drop(stream);
    while errors(status, "incomplete").await as u64 == 0 {}
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(ended.ledger()["requests"]["started"], 0);
}

#[tokio::test]
async fn a_service_whose_every_worker_is_blocked_still_answers_its_probes() {
    let service = start(&[]);
    let (address, status) = (
        service.address("service").await,
        service.address("status").await,
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /block HTTP/1.1\r\nhost: t\r\n\r\n")
        .await
        .unwrap();
    let control = service.address("control").await;
    let blocked = async || {
        let ledger = get(control, "/ledger").await;
        String::from_utf8_lossy(ledger.body()).contains("\"in_flight\":1")
    };
    while !blocked().await {}
    assert_eq!(get(status, "/livez").await.status(), 200);
    let page = get(status, "/metrics").await;
    assert!(page.status().is_success());
}
