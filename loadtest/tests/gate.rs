//! Whole runs against a service over TCP.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod service;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use plimsoll_loadtest::engine::drive;
use plimsoll_loadtest::gate::{self, LoadError, Target};
use plimsoll_loadtest::http_get::HttpGet;
use plimsoll_loadtest::pacer::Pacer;
use plimsoll_loadtest::sample::Answer;
use plimsoll_loadtest::tape::Recorder;
use plimsoll_loadtest::{Arrivals, LoadReport, Plan, Rate, Stop};
use service::{Running, start};

fn plan(rate: f64, millis: u64) -> Plan {
    Plan {
        arrivals: Arrivals::Constant,
        timeout: Duration::from_secs(5),
        drain: Duration::from_secs(6),
        ..Plan::new(
            Rate::per_second(rate).expect("a rate"),
            Duration::from_millis(millis),
        )
    }
}

async fn try_run(target: &Target, plan: &Plan) -> Result<LoadReport, LoadError> {
    let get = HttpGet::new(&target.url, None, plan.timeout)?;
    let recorder = Recorder::new(plan.length);
    gate::run(Arc::new(get), plan, target, &recorder, &Stop::default()).await
}

async fn run(running: &Running, plan: &Plan) -> LoadReport {
    let mut target = running.target();
    target.url.push_str("/item");
    try_run(&target, plan).await.expect("a run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_service_passes_and_the_counts_agree() {
    let running = start().await;
    let report = run(&running, &plan(100.0, 1_000)).await;
    assert_eq!(report.exit_code(), 0, "{}", report.table());
    assert_eq!(report.arrivals.finished, 100);
    assert!(report.agreement.agrees);
    assert_eq!(report.endpoints[0].good, 100);
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(
        (&json["schema"], &json["verdict"]),
        (&1.into(), &"PASS".into())
    );
    assert_eq!(json["endpoints"][0]["route"], "/item");
    assert_eq!(json["plan"]["length_seconds"], 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_only_answers_503_fails() {
    let running = start().await;
    running.service.status.store(503, Relaxed);
    let report = run(&running, &plan(100.0, 500)).await;
    assert_eq!(report.exit_code(), 1, "{}", report.table());
    assert_eq!(report.endpoints[0].answers["503"], 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_service_fails_its_latency_only() {
    let running = start().await;
    running.service.millis.store(600, Relaxed);
    let report = run(&running, &plan(80.0, 500)).await;
    assert_eq!(report.exit_code(), 1, "{}", report.table());
    let verdict = |row: usize| report.client.rows[row].verdict.as_str();
    assert_eq!((verdict(0), verdict(1)), ("PASS", "FAIL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_the_clients_own_fault_are_no_evidence() {
    let running = start().await;
    running.service.status.store(404, Relaxed);
    let report = run(&running, &plan(100.0, 500)).await;
    assert_eq!(report.endpoints[0].excluded, 50);
    assert_ne!(report.exit_code(), 0, "{}", report.table());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_requests_are_inconclusive() {
    let running = start().await;
    let report = run(&running, &plan(20.0, 500)).await;
    assert_eq!(report.exit_code(), 3, "{}", report.table());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_at_all_is_invalid() {
    let running = start().await;
    let none = Plan {
        arrivals: Arrivals::Poisson,
        ..plan(0.001, 1)
    };
    let report = run(&running, &none).await;
    assert_eq!(report.exit_code(), 4, "{}", report.table());
    assert!(
        report.findings[0].what.contains("no request"),
        "{:?}",
        report.findings
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metrics_page_that_forgets_requests_makes_it_invalid() {
    let running = start().await;
    running.service.forget_every.store(20, Relaxed);
    let report = run(&running, &plan(100.0, 500)).await;
    assert_eq!(report.exit_code(), 4, "{}", report.table());
    assert!(
        report.findings[0].what.contains("disagree"),
        "{:?}",
        report.findings
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_of_another_process_make_it_invalid() {
    let (running, other) = (start().await, start().await);
    let target = Target {
        metrics: other.metrics,
        url: format!("{}/item", running.url),
        ..running.target()
    };
    let report = try_run(&target, &plan(100.0, 500)).await.expect("a run");
    assert_eq!(report.exit_code(), 4, "{}", report.table());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_target_or_metrics_page_is_bad_input_with_the_fix() {
    let running = start().await;
    let dead = Target {
        url: "http://127.0.0.1:1/item".into(),
        ..running.target()
    };
    let error = try_run(&dead, &plan(10.0, 100))
        .await
        .expect_err("no run")
        .to_string();
    assert!(
        error.contains("Connection refused") && error.contains("--url"),
        "{error}"
    );
    let blind = Target {
        metrics: "http://127.0.0.1:1/metrics".into(),
        ..running.target()
    };
    let error = try_run(&blind, &plan(10.0, 100))
        .await
        .expect_err("no run")
        .to_string();
    assert!(error.contains("--metrics"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_shows_from_intended_though_the_cap_hides_it_from_sent() {
    let running = start().await;
    let plan = Plan {
        max_in_flight: NonZeroU32::new(2).expect("not zero"),
        ..plan(200.0, 3_000)
    };
    let service = Arc::clone(&running.service);
    let stall = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        service.frozen.store(true, Relaxed);
        tokio::time::sleep(Duration::from_millis(500)).await;
        service.frozen.store(false, Relaxed);
    });
    let report = run(&running, &plan).await;
    stall.await.expect("a stall");
    let item = &report.endpoints[0];
    // A sixth of the arrivals fall into the stall, and wait a quarter of a second on average.
    assert!(item.from_intended.p95_ms > 200.0, "{}", report.table());
    assert!(
        item.from_sent.p95_ms < item.from_intended.p95_ms / 2.0,
        "{}",
        report.table()
    );
    assert!(report.arrivals.waited > 50 && report.arrivals.longest_wait_ms > 300.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_hang_past_their_timeout_fail() {
    let running = start().await;
    running.service.frozen.store(true, Relaxed);
    let short = Plan {
        timeout: Duration::from_millis(300),
        ..plan(100.0, 400)
    };
    let report = run(&running, &short).await;
    assert_eq!(report.exit_code(), 1, "{}", report.table());
    assert_eq!(report.endpoints[0].answers["timeout"], 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_tells_what_was_seen_and_exits_130() {
    let running = start().await;
    let target = Target {
        url: format!("{}/item", running.url),
        ..running.target()
    };
    let plan = plan(50.0, 3_600_000);
    let get = HttpGet::new(&target.url, None, plan.timeout).expect("an address");
    let (recorder, stop) = (Recorder::new(plan.length), Stop::default());
    let enough = async {
        while recorder.stats().finished < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.stop();
    };
    let (report, ()) = tokio::join!(
        gate::run(Arc::new(get), &plan, &target, &recorder, &stop),
        enough
    );
    let report = report.expect("a run");
    assert_eq!(report.exit_code(), 130);
    assert!(report.table().contains("interrupted"), "{}", report.table());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_left_is_told_from_one_that_was_lost() {
    let plan = plan(50.0, 200);
    for (url, answer) in service::broken()
        .await
        .iter()
        .zip([Answer::Refused, Answer::Transport])
    {
        let get = HttpGet::new(url, None, plan.timeout).expect("an address");
        let (recorder, stop) = (Recorder::new(plan.length), Stop::default());
        let pacer = Pacer::precise().expect("a timer");
        let run = drive(Arc::new(get), &plan, &recorder, &stop, pacer);
        run.await.expect("a run");
        assert_eq!(recorder.stats().total().answers, [(answer, 10)].into());
    }
}
