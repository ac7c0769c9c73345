//! Every fault that the service can have, and what its probes say of it: the
//! real process, its real file.

use std::fs::OpenOptions;
use std::time::{Duration, Instant};

use plimsoll_testkit::http::{ask, get};
use plimsoll_testkit::probes::{NOT_READY, Probes, Table, WELL};
use plimsoll_testkit::process::Signal;
use plimsoll_testkit::wait::until_told;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use crate::service::Service;

/// Two runs of the check in a row that fail, each 2 s (and a tenth) after the one
/// before and 1 s long; twice that on a loaded machine.
const SOON: Duration = Duration::from_millis(2 * 2 * 3_200);

/// Switches faults, `{}` for none.
async fn switch(probes: &Probes, faults: serde_json::Value) {
    let request = if faults == json!({}) {
        http::Request::delete("/faults").body(String::new())
    } else {
        http::Request::put("/faults")
            .header("content-type", "application/json")
            .body(faults.to_string())
    };
    let answer = ask(probes.control, request.unwrap()).await;
    assert_eq!(answer.status(), 200, "{faults}");
}

async fn read(probes: &Probes) -> u16 {
    let answer = get(probes.service, "/v1/cards/crd_0000001").await;
    answer.status().as_u16()
}

async fn spend(probes: &Probes) -> u16 {
    let spend = json!({
        "card_id": "crd_0000001", "amount_minor": 1, "currency": "XXX", "merchant": "Kiosk",
    });
    let request = http::Request::post("/v1/transactions")
        .header("content-type", "application/json")
        .body(spend.to_string());
    ask(probes.service, request.unwrap())
        .await
        .status()
        .as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_switched_fault_shows_where_it_should_and_nowhere_else() {
    let service = Service::start(&[("PLIMSOLL_WAIT", "0s")]);
    let probes = Probes::of(&service.process, "database").await;
    let mut table = Table::default();
    for (fault, faults) in [
        ("database down", json!({"database_down": true})),
        ("database slow", json!({"database_slow_ms": 3_000})),
    ] {
        switch(&probes, faults).await;
        let on = probes.come_to(NOT_READY).await;
        switch(&probes, json!({})).await;
        let off = probes.come_to(WELL).await;
        table.row(fault, NOT_READY, on, off);
        assert!(on < SOON && off < SOON, "{fault}: {on:?} {off:?}");
        assert_eq!(read(&probes).await, 200);
    }
    // A service that fails requests is not helped by being taken out or restarted.
    for (fault, faults) in [
        ("every request fails", json!({"error_percent": 100})),
        ("every request panics", json!({"panic_percent": 100})),
    ] {
        switch(&probes, faults).await;
        for _ in 0..20 {
            assert_eq!(read(&probes).await, 500);
            assert_eq!(probes.ask().await, WELL, "{fault}");
        }
        switch(&probes, json!({})).await;
        assert_eq!(read(&probes).await, 200);
        table.row(fault, WELL, Duration::ZERO, Duration::ZERO);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_locked_or_gone_and_a_process_that_stands_still() {
    let service = Service::start(&[("PLIMSOLL_WAIT", "0s")]);
    let probes = Probes::of(&service.process, "database").await;
    let mut table = Table::default();

    // Another process writes and does not end: spends wait in vain, reads go on.
    let file = service.database();
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!((read(&probes).await, spend(&probes).await), (200, 503));
    assert_eq!(probes.ask().await, WELL, "reads are served");
    lock.rollback().await.unwrap();
    let off = Instant::now();
    assert_eq!(
        spend(&probes).await,
        422,
        "the currency is wrong, and that is told"
    );
    table.row(
        "file locked by a writer",
        WELL,
        Duration::ZERO,
        off.elapsed(),
    );
    other.close().await.unwrap();

    // All that is spent stands in a file that nobody will find again.
    let of_file = Probes::of(&service.process, "database-file").await;
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    let on = of_file.come_to(NOT_READY).await;
    let why = probes.why("/readyz/database-file").await;
    assert!(why.contains("is gone"), "{why}");
    std::fs::rename(&aside, &file).unwrap();
    let off = of_file.come_to(WELL).await;
    table.row("file gone", NOT_READY, on, off);
    assert!(on < SOON && off < SOON, "{on:?} {off:?}");
    std::fs::rename(&file, &aside).unwrap();
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&file)
        .unwrap();
    let on = of_file.come_to(NOT_READY).await;
    let why = probes.why("/readyz/database-file").await;
    assert!(why.contains("another file"), "{why}");
    std::fs::rename(&aside, &file).unwrap();
    let off = of_file.come_to(WELL).await;
    table.row("file replaced", NOT_READY, on, off);
    assert!(on < SOON && off < SOON, "{on:?} {off:?}");

    service.process.signal(Signal::STOP);
    let silent = tokio::time::timeout(Duration::from_secs(1), get(probes.status, "/livez"));
    assert!(silent.await.is_err(), "nothing answers");
    service.process.signal(Signal::CONT);
    let begin = Instant::now();
    probes.come_back().await;
    table.row(
        "process stopped (no answer)",
        WELL,
        Duration::ZERO,
        begin.elapsed(),
    );
    until_told("an answer", async || {
        (read(&probes).await == 200).then_some(())
    })
    .await;
    service.process.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}
