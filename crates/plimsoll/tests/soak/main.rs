//! Load for a while, with a collector that is dead from a fifth to two fifths of
//! it: no request fails, memory stays flat, and every span is accounted for.
//!
//! `PLIMSOLL_SOAK_SECONDS` says for how long (20), `PLIMSOLL_SOAK_RATE` how many
//! requests a second (400).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: a failure is the answer, the figures are the result"
)]

mod load;
mod probes;
mod service;

use std::time::Duration;

use plimsoll_testkit::otlp::{Behaviour, Collector};
use plimsoll_testkit::process::Signal;
use tokio::time::{Instant, sleep_until};

use load::Load;

/// What resident memory may grow by after the first tenth.
const GROWTH: u64 = 4 << 20;

fn setting(name: &str, default: u32) -> u32 {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    let number = text.parse();
    number.unwrap_or_else(|_| panic!("{name}={text}: write a whole number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_dead_for_a_fifth_of_the_load_costs_no_request_no_memory_and_no_span_unseen() {
    let length = Duration::from_secs(setting("PLIMSOLL_SOAK_SECONDS", 20).into());
    let rate = setting("PLIMSOLL_SOAK_RATE", 400);
    let collector = Collector::counting(Behaviour::Healthy).await;
    let service = service::start(&collector.base());
    let load = Load::start(service.address("service").await, rate);

    let begin = Instant::now();
    let at = |tenths: u32| begin + length * tenths / 10;
    sleep_until(at(1)).await;
    let early = service.resident_bytes();
    sleep_until(at(2)).await;
    collector.turn(Behaviour::Dead).await;
    sleep_until(at(4)).await;
    let dead = service.resident_bytes();
    let kept_before = collector.span_count();
    collector.turn(Behaviour::Healthy).await;
    sleep_until(at(10)).await;
    let late = service.resident_bytes();
    let (sent, failures) = load.stop().await;
    service.signal(Signal::TERM);
    let ended = service.ended().await;

    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let ledger = ended.ledger();
    eprintln!(
        "{sent} requests in {length:?}, {} failed; resident {:.1} MiB at a tenth, {:.1} at two fifths, {:.1} at the end; {ledger}",
        failures.len(),
        mib(early),
        mib(dead),
        mib(late),
    );
    assert_eq!(failures, [""; 0], "of {sent}");
    assert!(
        sent > u64::from(rate) * length.as_secs() / 4,
        "{sent}: load"
    );
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert!(late <= early + GROWTH, "{early} grew to {late} bytes");
    let traces = &ledger["traces"];
    let dropped = traces.as_object().unwrap().iter();
    let dropped = dropped.filter(|(key, _)| key.starts_with("dropped_"));
    let dropped: u64 = dropped.map(|(_, count)| count.as_u64().unwrap()).sum();
    let kept = collector.span_count() as u64;
    assert_eq!(ledger["requests"]["started"], sent, "{ledger}");
    assert_eq!(traces["produced"], sent, "{ledger}");
    assert_eq!(traces["delivered"], kept, "{ledger}");
    assert_eq!(sent, kept + dropped, "{ledger}");
    assert!(dropped > 0, "the collector was dead: {ledger}");
    assert!(kept > kept_before as u64, "it came back: {ledger}");
    assert_eq!(ledger["balances"], true, "{ledger}");
}
