use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::sample::{Answer, Endpoint};
use crate::schedule::{Arrivals, Rate};
use crate::stats::Stats;
use crate::tape::Finished;

/// A service that takes a millisecond, and is frozen for a while.
struct Scripted {
    origin: Instant,
    frozen: std::ops::Range<u64>,
}

impl Executor for Scripted {
    async fn journey(&self, _: Visit, tape: &mut Tape) -> Result<(), JourneyError> {
        let endpoint = Endpoint::new("GET", "/");
        tape.sending(endpoint.clone());
        let sent = Instant::now();
        let at = sent.duration_since(self.origin).as_millis() as u64;
        let wait = if self.frozen.contains(&at) {
            self.frozen.end - at
        } else {
            0
        };
        time::sleep(Duration::from_millis(wait + 1)).await;
        let done = Instant::now();
        tape.finished(Finished {
            endpoint,
            sent,
            done,
            answer: Answer::Status(200),
        });
        Ok(())
    }
}

fn plan(rate: f64, seconds: u64, max_in_flight: u32) -> Plan {
    let rate = Rate::per_second(rate).expect("a rate");
    Plan {
        arrivals: Arrivals::Constant,
        max_in_flight: NonZeroU32::new(max_in_flight).expect("not zero"),
        ..Plan::new(rate, Duration::from_secs(seconds))
    }
}

async fn run(plan: &Plan, frozen: std::ops::Range<u64>) -> (Driven, Stats) {
    let executor = Arc::new(Scripted {
        origin: Instant::now(),
        frozen,
    });
    let recorder = Recorder::new(plan.length);
    let driven = drive(executor, plan, &recorder, &Stop::default(), Pacer::coarse()).await;
    let stats = recorder.stats().clone();
    (driven.expect("a run"), stats)
}

#[tokio::test(start_paused = true)]
async fn every_planned_arrival_is_begun_and_finished() {
    let (driven, stats) = run(&plan(100.0, 10, 64), 0..0).await;
    assert_eq!(
        (driven.planned, stats.begun, stats.finished),
        (1_000, 1_000, 1_000)
    );
    assert!(!driven.stopped);
    assert_eq!(stats.total().requests(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_stall_shows_from_intended_and_hides_from_sent_behind_the_cap() {
    let (_, stats) = run(&plan(200.0, 10, 4), 3_000..3_500).await;
    let total = stats.total();
    // 5 % of arrivals fall into the stall; the last of them waits least.
    assert!(total.from_intended.quantile_ms(0.99) > 350.0);
    assert!(total.from_sent.quantile_ms(0.99) < 10.0);
    assert!(stats.waited > 90 && stats.longest_wait > Duration::from_millis(450));
    assert!(stats.lag.quantile_ms(0.99) < 5.0);
}

#[tokio::test(start_paused = true)]
async fn what_the_drain_cuts_counts_as_failed_and_what_never_left_is_told() {
    let plan = Plan {
        drain: Duration::from_secs(1),
        ..plan(10.0, 2, 5)
    };
    let (driven, stats) = run(&plan, 0..600_000).await;
    assert_eq!((stats.cut, stats.unsent, stats.finished), (5, 15, 0));
    let total = stats.total();
    assert_eq!(total.answers, [(Answer::Cut, 5)].into());
    assert!(total.from_intended.quantile_ms(0.0) > 2_000.0);
    assert!(driven.took < Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_run_soon() {
    let plan = plan(10.0, 3_600, 5);
    let (recorder, stop) = (Recorder::new(plan.length), Stop::default());
    let executor = Arc::new(Scripted {
        origin: Instant::now(),
        frozen: 0..0,
    });
    let halt = async {
        time::sleep(Duration::from_secs(5)).await;
        stop.stop();
    };
    let (driven, ()) = tokio::join!(
        drive(executor, &plan, &recorder, &stop, Pacer::coarse()),
        halt
    );
    let driven = driven.expect("a run");
    assert!(driven.stopped && driven.took < Duration::from_secs(8));
    assert!((45..60).contains(&recorder.stats().finished));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_journey_is_counted_and_ends_nothing_else() {
    struct Panics(AtomicU64);
    impl Executor for Panics {
        async fn journey(&self, visit: Visit, _: &mut Tape) -> Result<(), JourneyError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            assert!(visit.number != 3, "the fourth visitor trips");
            Ok(())
        }
    }
    let plan = plan(10.0, 1, 5);
    let (recorder, executor) = (
        Recorder::new(plan.length),
        Arc::new(Panics(AtomicU64::new(0))),
    );
    let stop = Stop::default();
    let run = drive(
        Arc::clone(&executor),
        &plan,
        &recorder,
        &stop,
        Pacer::coarse(),
    );
    run.await.expect("a run");
    let stats = recorder.stats();
    assert_eq!(
        (
            executor.0.load(Ordering::Relaxed),
            stats.panicked,
            stats.finished
        ),
        (10, 1, 9)
    );
}
