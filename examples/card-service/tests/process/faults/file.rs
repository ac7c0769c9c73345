//! Faults of the database's file and of the disk that it is on.

use std::fs::OpenOptions;
use std::time::{Duration, Instant};

use plimsoll_testkit::http::get;
use plimsoll_testkit::probes::{NOT_READY, Probes, Say, WELL};
use plimsoll_testkit::process::Signal;
use plimsoll_testkit::wait::{until, until_told};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::disk::Disk;
use super::subject::{SERVED, Subject};

/// No answer at all.
const SILENT: Say = Say {
    live: 0,
    ready: 0,
    started: 0,
    check: 0,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_locked_or_gone_and_a_process_that_stands_still() {
    let subject = Subject::start(&[], &[]).await;

    // Another process writes and does not end: spends wait in vain, reads go on.
    let file = subject.service.database();
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let begin = Instant::now();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!(subject.requests().await, (200, 503));
    let on = begin.elapsed();
    assert_eq!(subject.probes.ask().await, WELL, "reads are served");
    let begin = Instant::now();
    lock.rollback().await.unwrap();
    assert_eq!(subject.requests().await, SERVED);
    let off = begin.elapsed();
    other.close().await.unwrap();
    let fault = "file locked by a writer";
    subject.row(fault, WELL, (200, 503), (on, off)).await;

    // What is spent stands in a file that nobody will find again.
    let of_file = Probes::of(&subject.service.process, "database-file").await;
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    let on = of_file.come_to(NOT_READY).await;
    let answers = subject.requests().await;
    assert_eq!(answers, SERVED, "and the spend goes with the process");
    let why = of_file.why("/readyz/database-file").await;
    assert!(why.contains("is gone"), "{why}");
    std::fs::rename(&aside, &file).unwrap();
    let off = of_file.come_to(WELL).await;
    subject
        .row("file gone", NOT_READY, answers, (on, off))
        .await;
    std::fs::rename(&file, &aside).unwrap();
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&file)
        .unwrap();
    let on = of_file.come_to(NOT_READY).await;
    assert_eq!(subject.requests().await, answers);
    let why = of_file.why("/readyz/database-file").await;
    assert!(why.contains("another file"), "{why}");
    std::fs::rename(&aside, &file).unwrap();
    let off = of_file.come_to(WELL).await;
    subject
        .row("file replaced", NOT_READY, answers, (on, off))
        .await;

    subject.service.process.signal(Signal::STOP);
    let status = subject.probes.status;
    let silent = tokio::time::timeout(Duration::from_secs(1), get(status, "/livez"));
    assert!(silent.await.is_err(), "nothing answers");
    subject.service.process.signal(Signal::CONT);
    let begin = Instant::now();
    subject.probes.come_back().await;
    let off = begin.elapsed();
    until_told("an answer", async || {
        (subject.requests().await == SERVED).then_some(())
    })
    .await;
    let fault = "process stopped, no answer";
    subject
        .row(fault, SILENT, (0, 0), (Duration::ZERO, off))
        .await;
    subject.service.process.signal(Signal::TERM);
    let ended = subject.service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_or_read_only_fails_spends_alone_and_keeps_the_books() {
    let disk = Disk::new();
    let settings = disk.settings();
    let settings = settings.each_ref().map(|(name, path)| (*name, &**path));
    let subject = Subject::start(&[], &settings).await;
    let before = subject.spent().await;
    let mut taken = 0;
    for (fault, name) in [("full", "disk full"), ("readonly", "disk read-only")] {
        let begin = Instant::now();
        disk.turn(fault);
        assert_eq!(subject.requests().await, (200, 500), "{fault}");
        let on = begin.elapsed();
        for _ in 0..5 {
            assert_eq!(subject.requests().await, (200, 500), "{fault}");
            assert_eq!(subject.probes.ask().await, WELL, "{fault}: it reads");
        }
        let begin = Instant::now();
        disk.turn("");
        assert_eq!(subject.requests().await, SERVED, "{fault}");
        let off = begin.elapsed();
        subject.row(name, WELL, (200, 500), (on, off)).await;
        taken += 2;
    }
    assert_eq!(
        subject.spent().await,
        before + taken,
        "what was answered 201"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "once in a hundred runs beside other tests a spend got no answer in time, for a reason not \
            known; `make soak` runs it"]
async fn a_disk_that_is_stalled_fails_later_spends_alone_and_keeps_the_books() {
    let disk = Disk::new();
    let settings = disk.settings();
    let settings = settings.each_ref().map(|(name, path)| (*name, &**path));
    // A spend may wait for the disk for longer than any request should.
    let settings = [&settings[..], &[("PLIMSOLL_TIMEOUT", "60s")]].concat();
    let subject = Subject::start(&[], &settings).await;
    let before = subject.spent().await;
    // The first spend waits for the disk, and the next one for the first.
    let begin = Instant::now();
    disk.turn("stalled");
    let mut first = std::pin::pin!(subject.spend());
    let later = async {
        until("the first spend", || disk.is_waited_for().then_some(())).await;
        subject.requests().await
    };
    let answers = tokio::select! {
        answer = &mut first => panic!("{answer} while the disk stands still"),
        answers = later => answers,
    };
    assert_eq!(answers, (200, 503));
    let on = begin.elapsed();
    assert_eq!(subject.probes.ask().await, WELL, "reads are served");
    let begin = Instant::now();
    disk.turn("");
    assert_eq!(first.await, 201);
    let off = begin.elapsed();
    subject.row("disk stalled", WELL, answers, (on, off)).await;
    assert_eq!(subject.spent().await, before + 2, "what was answered 201");
}
