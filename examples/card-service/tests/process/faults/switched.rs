//! Faults that the service has switches for.

use std::time::Instant;

use plimsoll_testkit::probes::{NOT_READY, WELL};
use serde_json::json;

use super::subject::{SERVED, Subject};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_switched_fault_shows_where_it_should_and_nowhere_else() {
    let subject = Subject::start(&[], &[]).await;
    for (fault, faults, answers) in [
        ("database down", json!({"database_down": true}), (503, 503)),
        (
            "database slow",
            json!({"database_slow_ms": 3_000}),
            // Slowly, but they are.
            (200, 201),
        ),
    ] {
        subject.switch(&faults).await;
        let on = subject.probes.come_to(NOT_READY).await;
        assert_eq!(subject.requests().await, answers, "{fault}");
        subject.switch(&json!({})).await;
        let off = subject.probes.come_to(WELL).await;
        subject.row(fault, NOT_READY, answers, (on, off)).await;
    }
    // A service that fails requests is not helped by being taken out or restarted.
    for (fault, faults) in [
        ("every request fails", json!({"error_percent": 100})),
        ("every request panics", json!({"panic_percent": 100})),
    ] {
        let begin = Instant::now();
        subject.switch(&faults).await;
        assert_eq!(subject.requests().await, (500, 500));
        let on = begin.elapsed();
        for _ in 0..20 {
            assert_eq!(subject.requests().await, (500, 500));
            assert_eq!(subject.probes.ask().await, WELL, "{fault}");
        }
        let begin = Instant::now();
        subject.switch(&json!({})).await;
        assert_eq!(subject.requests().await, SERVED);
        let off = begin.elapsed();
        subject.row(fault, WELL, (500, 500), (on, off)).await;
    }
}
