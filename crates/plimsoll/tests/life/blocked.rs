//! Services that cannot end by themselves: their threads are taken for ever.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plimsoll_testkit::http::get;
use plimsoll_testkit::process::{Ended, Process, Signal};
use plimsoll_testkit::wait::until_told;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::service::{BETWEEN_STEPS, HUNG_POOL, WORKERS, start};

/// Asks for what blocks a worker for ever; returns once it does.
async fn block(service: &Process) -> TcpStream {
    let address = service.address("service").await;
    let control = service.address("control").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /block HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    until_told("the blocked request", async || {
        let ledger = get(control, "/ledger").await;
        let ledger = String::from_utf8_lossy(ledger.body());
        ledger.contains("\"in_flight\":1,").then_some(())
    })
    .await;
    stream
}

async fn text(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = get(address, path).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    (answer.status().as_u16(), text)
}

/// The end, which must not wait for what never comes.
async fn in_time(service: Process, begin: Instant, code: i32) -> Ended {
    let ended = service.ended().await;
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(ended.status.code(), Some(code), "{}", ended.errors);
    assert_eq!(ended.ledger()["balances"], true, "{}", ended.ledger());
    ended
}

const BRIEF: [(&str, &str); 2] = [("PLIMSOLL_WAIT", "0s"), ("PLIMSOLL_DRAIN", "1s")];

#[tokio::test]
async fn a_handler_that_blocks_one_worker_does_not_hold_up_the_end() {
    let service = start(&[BRIEF[0], BRIEF[1], (WORKERS, "2")]);
    let _asked = block(&service).await;
    let begin = Instant::now();
    service.signal(Signal::TERM);
    let ended = in_time(service, begin, 1).await;
    assert!(
        ended.errors.contains("1 requests, 0 upgraded"),
        "{}",
        ended.errors
    );
}

#[tokio::test]
async fn telemetry_is_flushed_although_the_pool_for_blocking_work_hangs() {
    let service = start(&[BRIEF[0], BRIEF[1], (WORKERS, "2"), (HUNG_POOL, "1")]);
    service.address("service").await;
    let begin = Instant::now();
    service.signal(Signal::TERM);
    in_time(service, begin, 0).await;
}

#[tokio::test]
async fn a_service_whose_every_worker_is_blocked_is_not_ready_and_ends_in_its_time() {
    let service = start(&[BRIEF[0], ("PLIMSOLL_DRAIN", "2s")]);
    let _asked = block(&service).await;
    let status = service.address("status").await;
    let begin = Instant::now();
    service.signal(Signal::TERM);
    let told = until_told("the drain", async || {
        let (code, text) = text(status, "/readyz").await;
        (code == 503 && text.contains("[-]shutdown failed")).then_some(text)
    })
    .await;
    assert!(told.contains("1 in flight"), "{told}");
    let ended = in_time(service, begin, 1).await;
    assert!(begin.elapsed() >= Duration::from_secs(2), "it had its time");
    let cut = ended.lines.iter().find(|line| line["message"] == "cut");
    assert_eq!(cut.unwrap()["requests"], "1");
}

#[tokio::test]
async fn a_second_signal_means_now_even_with_every_worker_blocked() {
    let service = start(&[("PLIMSOLL_WAIT", "5s")]);
    let _asked = block(&service).await;
    let begin = Instant::now();
    service.signal(Signal::TERM);
    let status = service.address("status").await;
    until_told("the drain", async || {
        (text(status, "/readyz").await.0 == 503).then_some(())
    })
    .await;
    service.signal(Signal::TERM);
    in_time(service, begin, 1).await;
}

#[tokio::test]
async fn between_its_steps_a_service_has_not_started_and_a_signal_ends_it() {
    let service = start(&[BRIEF[0], BRIEF[1], (BETWEEN_STEPS, "1")]);
    let status = service.address("status").await;
    let told = until_told("the failed step", async || {
        let (code, text) = text(status, "/startupz").await;
        (code == 503 && text.contains("[+]cache ok")).then_some(text)
    })
    .await;
    assert!(told.contains("[-]import failed"), "{told}");
    assert!(told.contains("[-]serve failed"), "{told}");
    assert_eq!(text(status, "/readyz").await.0, 503);
    let control = service.address("control").await;
    let told = text(control, "/startupz").await.1;
    assert!(
        told.contains("[-]import failed: given up before it was done"),
        "{told}"
    );
    let begin = Instant::now();
    service.signal(Signal::TERM);
    in_time(service, begin, 0).await;
}
