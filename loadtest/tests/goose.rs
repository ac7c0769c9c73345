//! goose's scenarios under our clock, against a service over TCP.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]
#![cfg(feature = "goose")]

mod service;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use plimsoll_loadtest::engine::drive;
use plimsoll_loadtest::executor::{GooseExecutor, visit};
use plimsoll_loadtest::gate::{self, Target};
use plimsoll_loadtest::goose::prelude::*;
use plimsoll_loadtest::pacer::Pacer;
use plimsoll_loadtest::report::EndpointRow;
use plimsoll_loadtest::sample::Answer;
use plimsoll_loadtest::tape::Recorder;
use plimsoll_loadtest::{Arrivals, LoadReport, Plan, Rate, Stop};
use service::{Running, start};

fn plan(rate: f64, millis: u64) -> Plan {
    Plan {
        arrivals: Arrivals::Constant,
        timeout: Duration::from_secs(5),
        ..Plan::new(
            Rate::per_second(rate).expect("a rate"),
            Duration::from_millis(millis),
        )
    }
}

async fn run(running: &Running, plan: &Plan, scenarios: Vec<Scenario>) -> LoadReport {
    let target: Target = running.target();
    let executor = GooseExecutor::new(scenarios, &target.url, plan).expect("an executor");
    let (recorder, stop) = (Recorder::new(plan.length), Stop::default());
    let run = gate::run(Arc::new(executor), plan, &target, &recorder, &stop);
    run.await.expect("a run")
}

fn row<'a>(report: &'a LoadReport, route: &str) -> &'a EndpointRow {
    let found = report
        .endpoints
        .iter()
        .find(|row| &*row.endpoint.route == route);
    found.unwrap_or_else(|| panic!("no {route} in {}", report.table()))
}

async fn item(user: &mut GooseUser) -> TransactionResult {
    user.get("/item").await?;
    Ok(())
}

async fn one_of_many(user: &mut GooseUser) -> TransactionResult {
    let number = visit(user).expect("a visit").rng().u32(..);
    user.get_named(&format!("/items/{number}"), "/items/{id}")
        .await?;
    Ok(())
}

async fn order(user: &mut GooseUser) -> TransactionResult {
    user.post("/order", "one of these").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_passes_and_every_request_is_counted_on_both_sides() {
    let running = start().await;
    let shop = scenario!("shop")
        .register_transaction(transaction!(item).set_sequence(1))
        .register_transaction(transaction!(one_of_many).set_sequence(2))
        .register_transaction(transaction!(order).set_sequence(3));
    let report = run(&running, &plan(100.0, 1_000), vec![shop]).await;
    assert_eq!(report.exit_code(), 0, "{}", report.table());
    for route in ["/item", "/items/{id}", "/order"] {
        assert_eq!(row(&report, route).good, 100, "{route}");
    }
    assert_eq!(report.agreement.rows.len(), 4);
    // Later requests of a journey have no arrival of their own.
    let later = row(&report, "/order");
    assert!(later.delay.max_ms < 0.01 && later.from_intended == later.from_sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journeys_own_word_on_an_answer_counts() {
    async fn wanted(user: &mut GooseUser) -> TransactionResult {
        let mut got = user.get("/missing").await?;
        user.set_success(&mut got.request)
    }
    async fn unusable(user: &mut GooseUser) -> TransactionResult {
        let mut got = user.get("/item").await?;
        user.set_failure("not what was asked for", &mut got.request, None, None)
    }
    let running = start().await;
    let picky = scenario!("picky")
        .register_transaction(transaction!(wanted).set_sequence(1))
        .register_transaction(transaction!(unusable).set_sequence(2));
    let report = run(&running, &plan(100.0, 500), vec![picky]).await;
    assert_eq!(row(&report, "/missing").good, 50, "{}", report.table());
    assert_eq!(row(&report, "/item").bad, 50, "{}", report.table());
    assert_eq!(report.arrivals.failed, 50);
    assert!(report.agreement.agrees);
    assert_eq!(report.exit_code(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_is_a_timeout() {
    let running = start().await;
    running.service.frozen.store(true, Relaxed);
    let short = Plan {
        timeout: Duration::from_millis(300),
        ..plan(100.0, 400)
    };
    let alone = scenario!("alone").register_transaction(transaction!(item));
    let report = run(&running, &short, vec![alone]).await;
    assert_eq!(
        row(&report, "/item").answers["timeout"],
        40,
        "{}",
        report.table()
    );
    assert_eq!(report.exit_code(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_end_cuts_is_counted_although_goose_forgets_it() {
    let running = start().await;
    running.service.frozen.store(true, Relaxed);
    let cut = Plan {
        drain: Duration::from_millis(200),
        ..plan(50.0, 400)
    };
    let alone = scenario!("alone").register_transaction(transaction!(item));
    let (recorder, stop) = (Recorder::new(cut.length), Stop::default());
    let target = running.target();
    let executor = GooseExecutor::new(vec![alone], &target.url, &cut).expect("an executor");
    let run = gate::run(Arc::new(executor), &cut, &target, &recorder, &stop);
    let report = run.await.expect("a run");
    assert_eq!(
        row(&report, "unknown").answers["cut"],
        20,
        "{}",
        report.table()
    );
    assert!(report.agreement.agrees, "{}", report.table());
    assert_ne!(report.exit_code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_named_by_path_are_found_out() {
    async fn by_path(user: &mut GooseUser) -> TransactionResult {
        user.get("/items/7").await?;
        Ok(())
    }
    let running = start().await;
    let careless = scenario!("careless").register_transaction(transaction!(by_path));
    let report = run(&running, &plan(50.0, 200), vec![careless]).await;
    assert_eq!(report.exit_code(), 4, "{}", report.table());
    assert!(report.findings[0].fix.contains("route templates"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_left_is_told_from_one_that_was_lost() {
    let plan = plan(50.0, 200);
    for (url, answer) in service::broken()
        .await
        .iter()
        .zip([Answer::Refused, Answer::Transport])
    {
        let alone = scenario!("alone").register_transaction(transaction!(item));
        let executor = GooseExecutor::new(vec![alone], url, &plan).expect("an executor");
        let (recorder, stop) = (Recorder::new(plan.length), Stop::default());
        let pacer = Pacer::precise().expect("a timer");
        let run = drive(Arc::new(executor), &plan, &recorder, &stop, pacer);
        run.await.expect("a run");
        assert_eq!(recorder.stats().total().answers, [(answer, 10)].into());
    }
}

#[test]
fn scenarios_that_can_do_nothing_are_bad_input() {
    let plan = plan(1.0, 1_000);
    let error = GooseExecutor::new(vec![], "http://127.0.0.1:1", &plan).expect_err("no scenario");
    assert!(error.to_string().contains("no scenario"));
    let error = GooseExecutor::new(vec![scenario!("idle")], "http://127.0.0.1:1", &plan);
    assert!(
        error
            .expect_err("no transaction")
            .to_string()
            .contains("idle")
    );
}
