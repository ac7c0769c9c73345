//! A real database that is killed, hangs or is slow.

use std::time::Duration;

use plimsoll_testkit::process::Signal;

use crate::postgres::Postgres;
use crate::service::{EVERY, TIMEOUT, start};
use crate::watch::{NOT_READY, Probes, WELL, row};

/// Two runs in a row that fail, each after a pause (a tenth longer at most) and
/// at its timeout, and the look at the probe; thrice that on a loaded machine.
fn soon() -> Duration {
    (EVERY * 11 / 10 + TIMEOUT) * 2 * 3
}

#[tokio::test]
async fn a_database_that_is_killed_hangs_or_is_slow_ends_readiness_alone_and_returns() {
    let mut postgres = Postgres::start().await;
    let service = start(Some(&postgres.url()));
    let probes = Probes::of(&service).await;

    postgres.kill();
    let on = probes.come_to(NOT_READY).await;
    postgres.again().await;
    let off = probes.come_to(WELL).await;
    row("database killed", on, off);
    assert!(on < soon() && off < soon(), "{on:?} {off:?}");

    postgres.signal(Signal::STOP);
    let on = probes.come_to(NOT_READY).await;
    postgres.signal(Signal::CONT);
    let off = probes.come_to(WELL).await;
    row("database hangs", on, off);
    assert!(on < soon() && off < soon(), "{on:?} {off:?}");

    postgres.answer_after(TIMEOUT * 2).await;
    let on = probes.come_to(NOT_READY).await;
    postgres.answer_after(Duration::ZERO).await;
    let off = probes.come_to(WELL).await;
    row("database slow", on, off);
    assert!(on < soon() && off < soon(), "{on:?} {off:?}");

    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}
