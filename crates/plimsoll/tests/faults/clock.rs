//! The machine's clock is set, by an hour either way.

use std::path::PathBuf;
use std::time::Duration;

use plimsoll_testkit::http::get;
use plimsoll_testkit::page::Page;
use plimsoll_testkit::probes::{Probes, Table, WELL};
use plimsoll_testkit::process::Process;
use plimsoll_testkit::wait::until_told;

use crate::service::command;

/// Sets the wall clock of one process as it runs (Debian's `libfaketime`).
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let found = found.find(|library| library.exists());
    found.expect("libfaketimeMT.so.1; install Debian's `faketime` with `make tools`")
}

#[tokio::test]
async fn a_clock_that_is_set_changes_no_probe_and_no_age() {
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    std::fs::write(&offset, "+0\n").unwrap();
    let mut command = command(None);
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let service = Process::start(&mut command);
    let probes = Probes::of(&service, "switched").await;
    let mut table = Table::default();
    let mut hours = Vec::new();
    for set in ["+0\n", "+3600\n", "-3600\n"] {
        std::fs::write(&offset, set).unwrap();
        // Some runs of the check, each of which starts its age anew.
        let mut looks = 0;
        until_told("looks", async || {
            assert_eq!(probes.ask().await, WELL, "{set}");
            let page = get(probes.status, "/metrics").await;
            let page = Page::read(std::str::from_utf8(page.body()).unwrap());
            let age = page.sum(
                "plimsoll_health_check_age_seconds",
                &[("check", "switched")],
            );
            assert!((0.0..10.0).contains(&age), "{set}{age}");
            looks += 1;
            (looks == 100).then_some(())
        })
        .await;
        // The log follows the clock, within some seconds.
        let hour = until_told("a line of another hour", async || {
            get(probes.service, "/ok").await;
            let lines = service.lines();
            let line = lines.iter().rfind(|line| line["path"] == "/ok")?;
            let hour = line["time"].as_str()?[..13].to_owned();
            (hours.last() != Some(&hour)).then_some(hour)
        })
        .await;
        hours.push(hour);
    }
    // The clock was set: else this would show nothing.
    assert!(hours[0] < hours[1] && hours[2] < hours[0], "{hours:?}");
    table.row("clock set by an hour", WELL, Duration::ZERO, Duration::ZERO);
}
