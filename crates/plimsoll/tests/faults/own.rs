//! Faults of the checks themselves, and of the runtime they run on.

use std::time::{Duration, Instant};

use plimsoll_testkit::http::get;
use plimsoll_testkit::probes::{NOT_READY, Probes, Say, Table, WELL};
use plimsoll_testkit::wait::until_told;

use crate::service::{EVERY, MAX_STALL, TIMEOUT, start};

#[tokio::test]
async fn a_check_that_panics_or_hangs_fails_and_leaks_nothing_and_one_that_flaps_only_warns() {
    let service = start(None);
    let probes = Probes::of(&service, "switched").await;
    let mut table = Table::default();
    let soon = (EVERY * 11 / 10 + TIMEOUT) * 2 * 3;
    for (fault, switch) in [("check panics", 1), ("check hangs", 2), ("check leaks", 4)] {
        probes.post(&format!("/switch/{switch}")).await;
        let on = probes.come_to(NOT_READY).await;
        // Whatever it does, there is one of it.
        let inside = get(probes.service, "/inside").await;
        assert!(
            ["0", "1"].iter().any(|few| inside.body() == few),
            "{inside:?}"
        );
        probes.post("/switch/0").await;
        let off = probes.come_to(WELL).await;
        table.row(fault, NOT_READY, on, off);
        assert!(on < soon && off < soon, "{fault}: {on:?} {off:?}");
    }
    probes.post("/switch/3").await;
    let mut warned = 0;
    let begin = Instant::now();
    until_told("flaps", async || {
        assert_eq!(probes.ask().await, WELL);
        let verbose = probes.why("/readyz?verbose").await;
        warned += u32::from(verbose.contains("[+]switched ok: warning: flaps\n"));
        (warned == 3).then_some(())
    })
    .await;
    table.row("check flaps", WELL, begin.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_blocked_worker_ends_liveness_while_the_others_serve_and_is_forgiven_when_it_returns() {
    let seconds = std::env::var("PLIMSOLL_SOAK_BLOCK_SECONDS");
    let seconds: u64 = seconds.map_or(4, |text| text.parse().unwrap());
    let service = start(None);
    let probes = Probes::of(&service, "switched").await;
    let mut table = Table::default();
    let (address, begin) = (probes.service, Instant::now());
    let blocked = tokio::spawn(async move {
        let path = format!("/block/{}", seconds * 1_000);
        let request = http::Request::post(path).body("").unwrap();
        plimsoll_testkit::http::ask(address, request).await
    });
    let why = until_told("the worker", async || {
        // What waits for that very worker may grow old, so readiness may end as well.
        assert_eq!(probes.ask().await.started, 200);
        let worker = get(probes.control, "/livez/workers").await;
        (worker.status() == 503).then_some(worker)
    })
    .await;
    let on = begin.elapsed();
    // Looked at four times a second, under load somewhat less often.
    assert!(on > MAX_STALL / 2 && on < MAX_STALL * 2, "{on:?}");
    let why = String::from_utf8_lossy(why.body());
    assert!(
        why.contains("a worker thread has been blocked for"),
        "{why}"
    );
    let said = probes.ask().await;
    assert_eq!(said, Say { live: 503, ..said });
    let served = get(probes.service, "/ok").await;
    assert_eq!(
        (served.status(), blocked.is_finished()),
        (200.try_into().unwrap(), false)
    );
    assert_eq!(blocked.await.unwrap().status(), 200);
    let end = Instant::now();
    probes.come_back().await;
    let off = end.elapsed();
    table.row("worker blocked", said, on, off);
    assert!(off < Duration::from_secs(2), "{off:?}");
}
