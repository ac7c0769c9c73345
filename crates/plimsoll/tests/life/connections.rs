use std::net::SocketAddr;

use plimsoll_core::names::{CONNECTION_ERRORS, label};
use plimsoll_testkit::http::{get, raw};
use plimsoll_testkit::page::Page;
use plimsoll_testkit::process::Signal;
use plimsoll_testkit::wait::until_told;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::service::start;

/// Waits until the reason is counted this often: the count follows the answer.
async fn counted(status: SocketAddr, reason: &str, times: u64) {
    until_told(reason, async || {
        let page = get(status, "/metrics").await;
        let page = Page::read(std::str::from_utf8(page.body()).unwrap());
        let count = page.sum(CONNECTION_ERRORS, &[(label::REASON, reason)]);
        (count as u64 == times).then_some(())
    })
    .await;
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
    for (sent, answer, reason, times) in [
        // Latin 1; the same letter in UTF-8 is taken.
        (
            &b"GET /caf\xe9 HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"[..],
            "400",
            "parse",
            1,
        ),
        (b"\x16\x03\x01\r\n\r\n", "400", "parse", 2),
        (many.as_bytes(), "431", "too_large", 1),
    ] {
        let got = raw(address, sent).await;
        let got = String::from_utf8_lossy(&got);
        assert!(got.starts_with(&format!("HTTP/1.1 {answer} ")), "{got}");
        counted(status, reason, times).await;
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
    drop(stream);
    counted(status, "incomplete", 1).await;
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
    until_told("request in flight", async || {
        let ledger = get(control, "/ledger").await;
        let ledger = String::from_utf8_lossy(ledger.body());
        ledger.contains("\"in_flight\":1").then_some(())
    })
    .await;
    assert_eq!(get(status, "/livez").await.status(), 200);
    let page = get(status, "/metrics").await;
    assert!(page.status().is_success());
}
