//! A thread of the runtime that a handler blocks.

use std::time::Instant;

use plimsoll_testkit::http::get;
use plimsoll_testkit::probes::Say;
use plimsoll_testkit::wait::until_told;
use serde_json::json;

use super::subject::Subject;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_a_handler_blocks_ends_liveness_while_the_other_one_serves() {
    let settings = [("TOKIO_WORKER_THREADS", "2")];
    let subject = Subject::start(&["--max-stall", "2"], &settings).await;
    subject.switch(&json!({"worker_blocked": true})).await;
    let begin = Instant::now();
    let mut blocked = std::pin::pin!(subject.read());
    // Not before it is told to. What waits for that very worker may grow old, so readiness may end as well.
    let why = until_told("the worker", async || {
        assert_eq!(subject.probes.ask().await.started, 200);
        let worker = get(subject.probes.control, "/livez/workers").await;
        (worker.status() == 503).then_some(worker)
    });
    let why = tokio::select! {
        _ = &mut blocked => panic!("answered by a worker that is blocked"),
        why = why => why,
    };
    let on = begin.elapsed();
    let why = String::from_utf8_lossy(why.body());
    assert!(
        why.contains("blocked for") && why.contains("at most 2.0 s"),
        "{why}"
    );
    let said = subject.probes.ask().await;
    assert_eq!(said, Say { live: 503, ..said });
    let answers = tokio::select! {
        _ = &mut blocked => panic!("answered by a worker that is blocked"),
        answers = subject.requests() => answers,
    };
    subject.switch(&json!({})).await;
    assert_eq!(blocked.await, 200);
    let begin = Instant::now();
    subject.probes.come_back().await;
    let off = begin.elapsed();
    assert_eq!(answers, (200, 201));
    subject
        .row("worker blocked", said, answers, (on, off))
        .await;
}
