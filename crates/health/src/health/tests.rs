use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_core::Clock;
use plimsoll_core::clock::Hand;
use tokio::task::yield_now;

use super::{Health, StartError};
use crate::{Check, HealthError, Heartbeat, Status};

const SECOND: Duration = Duration::from_secs(1);

/// Lets both clocks, the evidence's and the runtime's, go on together.
async fn pass(hand: &Hand, time: Duration) {
    let step = Duration::from_millis(50);
    for _ in 0..time.as_millis() / step.as_millis() {
        hand.advance(step);
        tokio::time::advance(step).await;
        yield_now().await;
        yield_now().await;
    }
}

/// A check that does what the switch says.
fn switched(good: &Arc<AtomicBool>) -> Check {
    let good = Arc::clone(good);
    Check::new("database", move || {
        let good = good.load(Ordering::Relaxed);
        async move { if good { Ok(()) } else { Err("refused") } }
    })
}

fn health(check: Check) -> (Health, Hand) {
    let (clock, hand) = Clock::manual();
    let health = Health::builder().clock(clock).readiness(check).build();
    (health.unwrap(), hand)
}

fn status(health: &Health, path: &str) -> u16 {
    health.answer(path, None, false).unwrap().status().as_u16()
}

fn text(health: &Health, path: &str, query: &str, detail: bool) -> String {
    let answer = health.answer(path, Some(query), detail).unwrap();
    String::from_utf8(answer.into_body().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_check_fails_after_two_failures_and_passes_after_one_success() {
    let good = Arc::new(AtomicBool::new(true));
    let (health, hand) = health(switched(&good));
    assert_eq!(status(&health, "/readyz"), 503);
    let _running = health.start().unwrap();
    pass(&hand, SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);

    good.store(false, Ordering::Relaxed);
    pass(&hand, 2 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
    let verbose = text(&health, "/readyz", "verbose", true);
    assert!(
        verbose.contains("[+]database ok: warning: refused\n"),
        "{verbose}"
    );
    pass(&hand, 3 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 503);
    assert_eq!(status(&health, "/livez"), 200);

    good.store(true, Ordering::Relaxed);
    pass(&hand, 3 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
}

#[tokio::test(start_paused = true)]
async fn a_hung_check_is_cut_at_its_timeout_and_runs_once_at_a_time() {
    struct Inside(Arc<AtomicU64>);
    impl Drop for Inside {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let inside = Arc::new(AtomicU64::new(0));
    let runs = Arc::clone(&inside);
    let hung = Check::new("database", move || {
        assert_eq!(runs.fetch_add(1, Ordering::Relaxed), 0);
        let inside = Inside(Arc::clone(&runs));
        async move {
            std::future::pending::<()>().await;
            drop(inside);
            Ok::<(), String>(())
        }
    });
    let (health, hand) = health(hung);
    let _running = health.start().unwrap();
    for _ in 0..10 {
        pass(&hand, SECOND).await;
        assert!(inside.load(Ordering::Relaxed) <= 1);
    }
    assert_eq!(
        text(&health, "/readyz/database", "", true),
        "internal server error: no answer within 1s\n"
    );
    let stat = &health.stats()[0];
    assert!(
        (stat.duration_seconds.unwrap() - 1.0).abs() < 0.2,
        "{stat:?}"
    );
    assert!(stat.status.abs() < f64::EPSILON);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_fails_and_is_run_again() {
    let runs = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&runs);
    let broken = Check::new("database", move || {
        let run = seen.fetch_add(1, Ordering::Relaxed);
        assert!(run != 1, "before the future");
        async move {
            assert!(run > 1, "in the future");
            Ok::<(), String>(())
        }
    });
    let (health, hand) = health(broken);
    let _running = health.start().unwrap();
    pass(&hand, SECOND).await;
    let why = text(&health, "/readyz/database", "", true);
    assert_eq!(
        why,
        "internal server error: the check panicked: in the future\n"
    );
    pass(&hand, 2 * SECOND).await;
    let why = text(&health, "/readyz/database", "", true);
    assert_eq!(
        why,
        "internal server error: the check panicked: before the future\n"
    );
    pass(&hand, 3 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
    assert!(runs.load(Ordering::Relaxed) >= 3);
}

#[tokio::test(start_paused = true)]
async fn evidence_that_nobody_renews_warns_and_then_fails() {
    let good = Arc::new(AtomicBool::new(true));
    let (health, hand) = health(switched(&good));
    let running = health.start().unwrap();
    pass(&hand, SECOND).await;
    running.end_checks(1);
    pass(&hand, 8 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
    assert!((health.stats()[0].status - 0.5).abs() < f64::EPSILON);
    pass(&hand, 7 * SECOND).await;
    let verbose = text(&health, "/readyz", "", true);
    assert!(
        verbose.contains("[-]database failed: the evidence is 1"),
        "{verbose}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_optional_check_never_takes_the_service_out() {
    let good = Arc::new(AtomicBool::new(false));
    let (health, hand) = health(switched(&good).optional());
    let _running = health.start().unwrap();
    pass(&hand, 5 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
    assert_eq!(
        text(&health, "/health", "", false).matches("warn").count(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn start_up_is_named_while_it_is_pending() {
    let (clock, _) = Clock::manual();
    let health = Health::builder().clock(clock).build().unwrap();
    assert_eq!(
        text(&health, "/startupz", "verbose", false),
        "[+]ping ok\nstartupz check passed\n"
    );
    let migrations = health.startup("migrations");
    let cache = health.startup("cache");
    cache.open();
    assert_eq!(
        text(&health, "/startupz", "", false),
        "[-]migrations failed: reason withheld\n[+]cache ok\nstartupz check failed\n"
    );
    assert!(
        text(&health, "/readyz", "", true).contains("[-]startup failed: waiting for migrations\n")
    );
    drop(migrations);
    let given_up = "[-]startup failed: waiting for migrations (given up)\n";
    assert!(text(&health, "/readyz", "", true).contains(given_up));
    health.startup("migrations").open();
    assert!(health.is_started());
    assert_eq!(status(&health, "/readyz"), 200);
}

#[tokio::test(start_paused = true)]
async fn the_text_is_that_of_kubernetes() {
    let good = Arc::new(AtomicBool::new(true));
    let (health, hand) = health(switched(&good));
    let _running = health.start().unwrap();
    pass(&hand, SECOND).await;
    let ok = health.answer("/readyz", None, false).unwrap();
    assert_eq!(ok.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(ok.headers()["x-content-type-options"], "nosniff");
    assert_eq!(ok.body(), "ok");
    for (query, expected) in [
        ("", "ok"),
        ("exclude=database", "ok"),
        (
            "verbose",
            "[+]startup ok\n[+]shutdown ok\n[+]database ok\nreadyz check passed\n",
        ),
        (
            "verbose=true&exclude=database&exclude=no&exclude=more",
            "[+]startup ok\n[+]shutdown ok\n[+]database excluded: ok\n\
             warn: some health checks cannot be excluded: no matches for \"more\",\"no\"\n\
             readyz check passed\n",
        ),
    ] {
        assert_eq!(text(&health, "/readyz", query, false), expected, "{query}");
    }
    assert_eq!(text(&health, "/readyz/database", "", false), "ok");
    assert_eq!(status(&health, "/readyz/none"), 404);

    good.store(false, Ordering::Relaxed);
    pass(&hand, 6 * SECOND).await;
    let failed =
        "[+]startup ok\n[+]shutdown ok\n[-]database failed: reason withheld\nreadyz check failed\n";
    assert_eq!(text(&health, "/readyz", "", false), failed);
    assert_eq!(
        text(&health, "/readyz/database", "", false),
        "internal server error: reason withheld\n"
    );
    assert_eq!(text(&health, "/readyz", "exclude=database", false), "ok");
}

#[tokio::test(start_paused = true)]
async fn draining_ends_readiness_and_tells_how_far_it_is() {
    let (clock, hand) = Clock::manual();
    let health = Health::builder().clock(clock).build().unwrap();
    let _permit = health.drain().enter();
    health.drain().begin(23 * SECOND);
    hand.advance(3 * SECOND);
    for detail in [false, true] {
        assert_eq!(
            text(&health, "/readyz", "", detail),
            "[+]startup ok\n[-]shutdown failed: draining, 1 in flight, 20.0 s left\nreadyz check failed\n"
        );
    }
    assert_eq!(status(&health, "/livez"), 200);
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_stands_still_and_a_silent_heart_end_liveness() {
    let (clock, hand) = Clock::manual();
    let ingest = Heartbeat::new("ingest").max_silence(5 * SECOND);
    let health = Health::builder().clock(clock).liveness(ingest.clone());
    let health = health.max_stall(10 * SECOND).build().unwrap();
    let _running = health.start().unwrap();
    pass(&hand, 60 * SECOND).await;
    assert_eq!(status(&health, "/livez"), 200);

    ingest.beat();
    pass(&hand, 6 * SECOND).await;
    assert_eq!(
        text(&health, "/livez", "", true),
        "[+]runtime ok\n[+]workers ok\n[-]ingest failed: no progress for 6.0 s, more than 5.0 s\nlivez check failed\n"
    );
    ingest.beat();
    // The evidence's clock goes on, the runtime does not: as if it were blocked.
    assert_eq!(status(&health, "/readyz"), 200);
    hand.advance(6 * SECOND);
    assert!(text(&health, "/readyz", "", false).contains("[-]runtime failed"));
    assert_eq!(status(&health, "/livez/runtime"), 200);
    hand.advance(6 * SECOND);
    assert_eq!(status(&health, "/livez/runtime"), 503);
}

#[tokio::test(start_paused = true)]
async fn the_document_hides_reasons_without_detail() {
    let good = Arc::new(AtomicBool::new(false));
    let (health, hand) = health(switched(&good));
    let _running = health.start().unwrap();
    pass(&hand, SECOND).await;
    let answer = health.answer("/health", None, true).unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "application/health+json");
    let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(document["status"], "fail");
    let database = &document["checks"]["database:responseTime"][0];
    assert_eq!(database["output"], "refused");
    assert_eq!(database["observedUnit"], "ms");
    assert!(
        database["time"]
            .as_str()
            .unwrap()
            .starts_with("1970-01-02T00:00:0")
    );
    assert!(!text(&health, "/health", "", false).contains("refused"));
}

#[tokio::test]
async fn start_is_refused_twice_and_bad_names_at_once() {
    let check = |name: &str| Check::new(name, async || Ok::<(), String>(()));
    let (health, _) = health(check("database"));
    let _running = health.start().unwrap();
    assert_eq!(health.start().err(), Some(StartError::Twice));
    for (checks, error) in [
        (vec!["a/b"], HealthError::Name("a/b".into())),
        (vec!["shutdown"], HealthError::Reserved("shutdown".into())),
        (vec!["a", "a"], HealthError::Twice("a".into())),
    ] {
        let builder = checks.into_iter().map(check);
        let builder = builder.fold(Health::builder(), crate::HealthBuilder::readiness);
        assert_eq!(builder.build().err(), Some(error));
    }
    let idle = Health::builder().readiness(check("idle").every(Duration::ZERO));
    assert_eq!(idle.build().err(), Some(HealthError::NoTime("idle".into())));
}

#[test]
fn without_a_runtime_start_says_so() {
    let health = Health::builder().build().unwrap();
    assert_eq!(health.start().err(), Some(StartError::NoRuntime));
}

/// Names, what was and what is, of all transitions.
fn transitions(health: &Health) -> Vec<(String, Option<Status>, Status, Option<String>)> {
    let (all, _) = health.history();
    let row = |one: crate::Transition| (one.name, one.from, one.to, one.why);
    all.into_iter().map(row).collect()
}

#[tokio::test(start_paused = true)]
async fn each_transition_is_kept_once_with_its_cause() {
    use Status::{Fail, Pass, Warn};
    let good = Arc::new(AtomicBool::new(true));
    let (health, hand) = health(switched(&good));
    let _running = health.start().unwrap();
    let _second = tokio::spawn({
        let health = health.clone();
        async move { health.observe().await }
    });
    pass(&hand, 3 * SECOND).await;
    good.store(false, Ordering::Relaxed);
    pass(&hand, 6 * SECOND).await;
    good.store(true, Ordering::Relaxed);
    pass(&hand, 3 * SECOND).await;
    health.drain().begin(SECOND);
    pass(&hand, SECOND).await;
    let refused = || Some("refused".to_owned());
    let told = transitions(&health);
    for (at, (name, from, to, why)) in [
        ("database", None, Pass, None),
        ("readyz", None, Pass, None),
        ("database", Some(Pass), Warn, refused()),
        ("database", Some(Warn), Fail, refused()),
        ("readyz", Some(Pass), Fail, Some("database: refused".into())),
        ("database", Some(Fail), Pass, None),
        ("readyz", Some(Fail), Pass, None),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(told[at], (name.to_owned(), from, to, why), "{told:?}");
    }
    assert_eq!(told.len(), 8, "{told:?}");
    let why = told[7].3.as_deref().unwrap();
    assert!(why.starts_with("shutdown: draining, 0 in flight"), "{why}");
    assert_eq!(health.stats()[0].flaps, 2);

    let ring = text(&health, "/health/history", "", true);
    let ring: serde_json::Value = serde_json::from_str(&ring).unwrap();
    assert_eq!(ring["forgotten"], 0);
    assert_eq!(ring["transitions"][3]["why"], "refused");
    assert!(health.answer("/health/history", None, false).is_none());
}

#[tokio::test(start_paused = true)]
async fn evidence_that_grows_old_is_a_transition_too() {
    let (health, hand) = health(switched(&Arc::new(AtomicBool::new(true))));
    let running = health.start().unwrap();
    pass(&hand, SECOND).await;
    running.end_checks(1);
    let _observer = tokio::spawn({
        let health = health.clone();
        async move { health.observe().await }
    });
    pass(&hand, 16 * SECOND).await;
    let told = transitions(&health);
    let (name, _, to, why) = &told[told.len() - 1];
    assert_eq!((name.as_str(), *to), ("readyz", Status::Fail), "{told:?}");
    let why = why.as_deref().unwrap();
    assert!(why.starts_with("database: the evidence is 14."), "{why}");
}

#[tokio::test(start_paused = true)]
async fn real_calls_are_the_evidence_while_there_are_enough() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let mut bank = Check::new("bank", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<(), String>(()) }
    });
    let calls = bank.calls();
    let (health, hand) = health(bank);
    let _running = health.start().unwrap();
    pass(&hand, SECOND).await;
    let asked = runs.load(Ordering::Relaxed);
    for _ in 0..10 {
        for _ in 0..5 {
            calls.record(false, SECOND / 10);
        }
        pass(&hand, SECOND).await;
    }
    let told = text(&health, "/readyz/bank", "", true);
    assert!(told.contains("calls since the last look failed"), "{told}");
    // What began before there were enough calls may still have run.
    assert!(
        runs.load(Ordering::Relaxed) <= asked + 1,
        "no question of our own"
    );
    // Nobody calls any more: it is asked again, and answers.
    pass(&hand, 13 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
    assert!(runs.load(Ordering::Relaxed) > asked + 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_only_some_routes_need_never_takes_the_instance_out() {
    let good = Arc::new(AtomicBool::new(false));
    let (health, hand) = health(switched(&good).needed_by(["/pay"]));
    let _running = health.start().unwrap();
    pass(&hand, 5 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
    let verbose = text(&health, "/readyz", "verbose", true);
    assert!(
        verbose.contains("[+]database ok: warning: refused\n"),
        "{verbose}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_that_flaps_fails_for_its_dwell() {
    let runs = Arc::new(AtomicU64::new(0));
    let flapping = Check::new("database", move || {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move {
            if run.is_multiple_of(2) {
                Err("flaps")
            } else {
                Ok(())
            }
        }
    });
    let flapping = flapping.every(SECOND).fall(1).dwell(30 * SECOND);
    let (health, hand) = health(flapping);
    let _running = health.start().unwrap();
    pass(&hand, 29 * SECOND).await;
    assert_eq!(
        (status(&health, "/readyz"), health.stats()[0].flaps),
        (503, 0)
    );
    pass(&hand, 4 * SECOND).await;
    assert!(health.stats()[0].flaps >= 1, "it had its dwell");
}

#[test]
fn the_cases_of_kubernetes_own_tests_are_answered_byte_for_byte() {
    // `testMultipleChecks` of apiserver's healthz_test.go: query or check, text,
    // whether it passes, whether there is a check `bad` that fails. Of one check
    // alone the reason is told, here to operators; 500 is 503.
    for (asked, expected, passes, bad) in [
        (
            "?verbose",
            "[+]ping ok\nstartupz check passed\n",
            true,
            false,
        ),
        ("?exclude=dontexist", "ok", true, false),
        ("?exclude=bad", "ok", true, true),
        (
            "?verbose=true&exclude=bad",
            "[+]ping ok\n[+]bad excluded: ok\nstartupz check passed\n",
            true,
            true,
        ),
        (
            "?verbose=true&exclude=dontexist",
            "[+]ping ok\nwarn: some health checks cannot be excluded: no matches for \"dontexist\"\n\
             startupz check passed\n",
            true,
            false,
        ),
        ("/ping", "ok", true, false),
        ("", "ok", true, false),
        (
            "?verbose",
            "[+]ping ok\n[-]bad failed: reason withheld\nstartupz check failed\n",
            false,
            true,
        ),
        ("/ping", "ok", true, true),
        ("/bad", "internal server error: not done yet\n", false, true),
        (
            "",
            "[+]ping ok\n[-]bad failed: reason withheld\nstartupz check failed\n",
            false,
            true,
        ),
    ] {
        let health = Health::builder().build().unwrap();
        health.startup("ping").open();
        let _bad = bad.then(|| health.startup("bad"));
        let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
        let detail = path == "/bad";
        let path = format!("/startupz{path}");
        let answer = health.answer(&path, Some(query), detail).unwrap();
        assert_eq!(answer.status(), if passes { 200 } else { 503 }, "{asked}");
        assert_eq!(
            answer.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.body(), expected, "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn why_a_check_fails_is_told_until_it_passes() {
    let good = Arc::new(AtomicBool::new(false));
    let (health, hand) = health(switched(&good).rise(100));
    let _running = health.start().unwrap();
    pass(&hand, SECOND).await;
    good.store(true, Ordering::Relaxed);
    pass(&hand, 10 * SECOND).await;
    let told = text(&health, "/readyz/database", "", true);
    assert_eq!(told, "internal server error: refused\n");
}

#[tokio::test(start_paused = true)]
async fn answers_of_its_own_do_not_vouch_for_a_dependency_that_just_failed_calls() {
    let mut bank = Check::new("bank", async || Ok::<(), String>(())).fall(1);
    let calls = bank.calls();
    let (health, hand) = health(bank);
    let _running = health.start().unwrap();
    pass(&hand, SECOND).await;
    for _ in 0..10 {
        drop(calls.begin());
    }
    pass(&hand, 2 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 503);
    pass(&hand, 6 * SECOND).await;
    let told = text(&health, "/readyz/bank", "", true);
    assert!(
        told.contains("10 of 10 calls since the last look"),
        "{told}"
    );
    pass(&hand, 6 * SECOND).await;
    assert_eq!(status(&health, "/readyz"), 200);
}

#[test]
fn times_that_must_flap_or_never_come_are_refused() {
    let check = || Check::new("database", async || Ok::<(), String>(()));
    let day = Duration::from_hours(24);
    for (check, fine) in [
        (check(), true),
        (check().max_age(SECOND), false),
        (check().max_age(3 * SECOND), false),
        (check().max_age(SECOND * 16 / 5), true),
        (check().every(Duration::MAX), false),
        (check().every(day).timeout(day), true),
        (check().timeout(2 * day), false),
    ] {
        let told = format!("{check:?}");
        assert_eq!(
            Health::builder().readiness(check).build().is_ok(),
            fine,
            "{told}"
        );
    }
    let still = Heartbeat::new("ingest").max_silence(Duration::ZERO);
    assert!(Health::builder().liveness(still).build().is_err());
    assert!(Health::builder().max_stall(Duration::ZERO).build().is_err());
}
