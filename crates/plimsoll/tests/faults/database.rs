//! A real database that is killed, hangs, is slow or flaps.

use std::time::Duration;

use plimsoll_core::names::{CHECK_FLAPS, label};
use plimsoll_testkit::http::get;
use plimsoll_testkit::page::Page;
use plimsoll_testkit::probes::{NOT_READY, Probes, Table, WELL};
use plimsoll_testkit::process::{Process, Signal};
use plimsoll_testkit::wait::until_told;

use crate::postgres::Postgres;
use crate::service::{DWELL, EVERY, STEADY, TIMEOUT, command, start};

/// Two runs in a row that fail, each after a pause (a tenth longer at most) and
/// at its timeout, and the look at the probe; thrice that on a loaded machine.
fn soon() -> Duration {
    (EVERY * 11 / 10 + TIMEOUT) * 2 * 3
}

#[tokio::test]
async fn a_database_that_is_killed_hangs_or_is_slow_ends_readiness_alone_and_returns() {
    let mut postgres = Postgres::start().await;
    let service = start(Some(&postgres.url()));
    let probes = Probes::of(&service, "database").await;
    let mut table = Table::default();

    postgres.kill();
    let on = probes.come_to(NOT_READY).await;
    postgres.again().await;
    let off = probes.come_to(WELL).await;
    table.row("database killed", NOT_READY, on, off);
    assert!(on < soon() && off < soon(), "{on:?} {off:?}");

    postgres.signal(Signal::STOP);
    let on = probes.come_to(NOT_READY).await;
    postgres.signal(Signal::CONT);
    let off = probes.come_to(WELL).await;
    table.row("database hangs", NOT_READY, on, off);
    assert!(on < soon() && off < soon(), "{on:?} {off:?}");

    postgres.answer_after(TIMEOUT * 2).await;
    let on = probes.come_to(NOT_READY).await;
    postgres.answer_after(Duration::ZERO).await;
    let off = probes.come_to(WELL).await;
    table.row("database slow", NOT_READY, on, off);
    assert!(on < soon() && off < soon(), "{on:?} {off:?}");

    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}

#[tokio::test]
async fn a_database_that_flaps_takes_the_service_out_once_and_not_in_and_out() {
    let postgres = Postgres::start().await;
    let service = Process::start(command(Some(&postgres.url())).env(STEADY, "1"));
    let steady = Probes::of(&service, "steady").await;
    let mut table = Table::default();
    postgres.answer_after(TIMEOUT * 2).await;
    let on = steady.come_to(NOT_READY).await;
    // The other check may fail a little later. Then the database answers now and
    // then, and the check that dwells stays where it is,
    for (time, code) in [(2, 503), (0, 200), (2, 503), (0, 200), (2, 503)] {
        postgres.answer_after(TIMEOUT * time).await;
        until_told("the check that does not dwell", async || {
            assert_eq!(steady.ask().await, NOT_READY);
            let answer = get(steady.status, "/readyz/database").await;
            (answer.status() == code).then_some(())
        })
        .await;
    }
    // while the changes of the other one are counted.
    until_told("five changes of one and one of the other", async || {
        let page = get(steady.status, "/metrics").await;
        let page = Page::read(std::str::from_utf8(page.body()).unwrap());
        let flaps = |check| page.sum(CHECK_FLAPS, &[(label::CHECK, check)]) as u64;
        assert!(flaps("steady") <= 1);
        // On a loaded machine it may change once more by itself.
        (flaps("database") >= 5 && flaps("steady") == 1).then_some(())
    })
    .await;
    postgres.answer_after(Duration::ZERO).await;
    let off = steady.come_to(WELL).await;
    table.row("database flaps", NOT_READY, on, off);
    assert!(on < soon() && off < DWELL + soon(), "{on:?} {off:?}");
}
