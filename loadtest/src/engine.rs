//! The open model: one journey per arrival, however the service fares.
//!
//! A journey waits for a free slot *after* its arrival was stamped, so that the
//! wait counts in what the user waited. At the end journeys have a bounded time
//! to finish; those that don't are cut, and their requests count as failed.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use crate::pacer::Pacer;
use crate::plan::Plan;
use crate::stop::Stop;
use crate::tape::{Recorder, Tape};

/// Journeys that may wait for a slot; arrivals beyond them are not sent.
const MAX_WAITING: usize = 50_000;
/// Time to finish after a stop that was asked for.
const DRAIN_AFTER_STOP: Duration = Duration::from_secs(2);

/// Which visitor this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Counted from 0 in the order of arrival.
    pub number: u64,
    /// For the journey's choices: the same in every run with the plan's seed.
    pub seed: u64,
}

impl Visit {
    fn new(plan_seed: u64, number: u64) -> Self {
        // Distant seeds for neighbouring visits: the multiplier of SplitMix64.
        let seed = plan_seed ^ (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { number, seed }
    }

    /// A generator for this visit's choices.
    pub fn rng(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }
}

/// The journey did not come to its proper end; its requests are counted as they were.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct JourneyError(pub String);

/// Makes journeys.
pub trait Executor: Send + Sync + 'static {
    /// Goes on one journey and puts each of its requests on the tape. May be
    /// dropped at any point; what is open on the tape then counts as cut.
    ///
    /// # Errors
    /// The journey broke off for a reason of its own.
    fn journey(
        &self,
        visit: Visit,
        tape: &mut Tape,
    ) -> impl Future<Output = Result<(), JourneyError>> + Send;
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driven {
    /// Arrivals that the schedule holds.
    pub planned: u64,
    /// Whether it was stopped before the last of them.
    pub stopped: bool,
    /// From start to the end of the last journey.
    pub took: Duration,
}

/// Drives the plan to its end, or until `stop`.
///
/// # Errors
/// The pacer's timer failed.
pub async fn drive<E: Executor>(
    executor: Arc<E>,
    plan: &Plan,
    recorder: &Recorder,
    stop: &Stop,
    mut pacer: Pacer,
) -> io::Result<Driven> {
    let run = Run {
        executor,
        recorder: recorder.clone(),
        slots: Arc::new(Semaphore::new(plan.max_in_flight.get() as usize)),
        cut: watch::Sender::new(false),
        origin: Instant::now(),
    };
    let mut journeys = JoinSet::new();
    let mut stopped = false;
    for (number, offset) in (0..).zip(plan.schedule()) {
        let due = run.origin + offset;
        tokio::select! {
            biased;
            () = stop.stopped() => { stopped = true; break }
            waited = pacer.until(due) => waited?,
        }
        run.begin(&mut journeys, Visit::new(plan.seed, number), due);
    }
    let drain = if stopped {
        plan.drain.min(DRAIN_AFTER_STOP)
    } else {
        plan.drain
    };
    let finish = async { while journeys.join_next().await.is_some_and(|end| run.reap(&end)) {} };
    let in_time = tokio::select! {
        ended = time::timeout(drain, finish) => ended.is_ok(),
        () = stop.stopped(), if !stopped => { stopped = true; false }
    };
    if !in_time {
        run.cut.send_replace(true);
        while journeys.join_next().await.is_some_and(|end| run.reap(&end)) {}
    }
    Ok(Driven {
        planned: plan.schedule().count() as u64,
        stopped,
        took: run.origin.elapsed(),
    })
}

struct Run<E> {
    executor: Arc<E>,
    recorder: Recorder,
    slots: Arc<Semaphore>,
    cut: watch::Sender<bool>,
    origin: Instant,
}

impl<E: Executor> Run<E> {
    fn begin(&self, journeys: &mut JoinSet<()>, visit: Visit, due: Instant) {
        while journeys.try_join_next().is_some_and(|end| self.reap(&end)) {}
        if journeys.len() >= MAX_WAITING {
            let mut stats = self.recorder.stats();
            stats.begin(due.elapsed());
            stats.unsent += 1;
            return;
        }
        let (executor, recorder) = (Arc::clone(&self.executor), self.recorder.clone());
        let (slots, origin) = (Arc::clone(&self.slots), self.origin);
        let mut cut = self.cut.subscribe();
        journeys.spawn(async move {
            let lag = due.elapsed();
            recorder.stats().begin(lag);
            let asked = Instant::now();
            let Some(_slot) = slot(&slots, &recorder, asked, &mut cut).await else {
                recorder.stats().unsent += 1;
                return;
            };
            let mut tape = Tape::new(recorder.clone(), origin, due, lag);
            let ended = tokio::select! {
                biased;
                ended = executor.journey(visit, &mut tape) => Some(ended),
                _ = cut.wait_for(|cut| *cut) => None,
            };
            if let Some(ended) = ended {
                tape.commit();
                let mut stats = recorder.stats();
                stats.finished += 1;
                stats.failed += u64::from(ended.is_err());
                stats.journeys.record(due.elapsed());
            } else {
                tape.cut();
                recorder.stats().cut += 1;
            }
        });
    }

    /// Counts a panic; always true.
    fn reap(&self, ended: &Result<(), tokio::task::JoinError>) -> bool {
        if ended.is_err() {
            self.recorder.stats().panicked += 1;
        }
        true
    }
}

/// A free slot, or `None` when the run ended before there was one.
async fn slot(
    slots: &Arc<Semaphore>,
    recorder: &Recorder,
    asked: Instant,
    cut: &mut watch::Receiver<bool>,
) -> Option<tokio::sync::OwnedSemaphorePermit> {
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return Some(slot);
    }
    let slot = tokio::select! {
        biased;
        _ = cut.wait_for(|cut| *cut) => None,
        slot = Arc::clone(slots).acquire_owned() => slot.ok(),
    };
    recorder.stats().wait(asked.elapsed());
    slot
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
