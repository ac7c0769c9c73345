//! The tasks that run the checks and beat the runtime's heart.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use plimsoll_core::body::panic_text;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Health, Inner};
use crate::calls::DOUBT;
use crate::check::{Answer, Check};
use crate::evidence::{Track, Verdict};
use crate::heartbeat::Heartbeat;

/// How often the runtime's heart beats, or in a sixth of what it may stand still.
const BEAT: Duration = Duration::from_secs(1);

/// The tasks of a [`Health`]; they end when it is dropped.
#[derive(Debug)]
#[must_use = "the checks end when this is dropped"]
pub struct Running(Vec<JoinHandle<()>>);

/// Why the tasks cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no runtime to run them on.
    #[error("checks need a Tokio runtime; call `start` inside the one that the service runs on")]
    NoRuntime,
    /// They run already.
    #[error("the checks run already; `start` is to be called once")]
    Twice,
}

impl Health {
    /// Runs the checks on the current runtime, which should be the one that
    /// the service itself runs on: its pools live there, and its heart is the
    /// one that liveness listens to. Probes may be answered from any thread.
    ///
    /// # Errors
    /// Outside a Tokio runtime, and when the checks run already.
    ///
    /// # Panics
    /// When the runtime was built without time.
    pub fn start(&self) -> Result<Running, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        if self.0.started.swap(true, Ordering::AcqRel) {
            return Err(StartError::Twice);
        }
        self.0.workers.attach(runtime.clone());
        let watch = |at| runtime.spawn(watch(Arc::clone(&self.0), at));
        let mut tasks: Vec<_> = (0..self.0.checks.len()).map(watch).collect();
        tasks.push(runtime.spawn(beat(Arc::clone(&self.0))));
        let health = self.clone();
        tasks.push(runtime.spawn(async move { health.observe().await }));
        Ok(Running(tasks))
    }
}

#[cfg(test)]
impl Running {
    /// Ends the checks alone: the heart beats on.
    pub(super) fn end_checks(&self, checks: usize) {
        for task in self.0.iter().take(checks) {
            task.abort();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

async fn beat(health: Arc<Inner>) {
    let Some(heart) = health.hearts.first() else {
        return;
    };
    loop {
        heart.beat();
        sleep(pause(heart)).await;
    }
}

/// Between two beats of the runtime's heart.
pub(super) fn pause(heart: &Heartbeat) -> Duration {
    BEAT.min(heart.limit() / 6).max(Duration::from_millis(1))
}

/// Runs one check for ever, one run after another.
async fn watch(health: Arc<Inner>, at: usize) {
    let Some(watched) = health.checks.get(at) else {
        return;
    };
    let mut track = Track::default();
    let mut reason: Option<Box<str>> = None;
    // Whether real calls were the last to fail.
    let mut doubted = false;
    loop {
        let began = health.clock.now();
        let calls = watched.check.calls.as_ref();
        let seen = calls.and_then(|calls| calls.take(began, watched.check.every));
        let (found, taken) = match seen {
            // Real traffic says more than a question of our own.
            Some(seen) => (seen.verdict(), seen.newest),
            None => (once(&watched.check).await, health.clock.now()),
        };
        let mut rules = watched.rules;
        if doubted && seen.is_none() {
            rules.dwell = rules.dwell.max(nanos(DOUBT));
        }
        track = track.step(found.is_ok(), taken, &rules);
        match found {
            Err(why) => {
                doubted = seen.is_some();
                reason = Some(why.into());
            }
            // Why it still fails, although it begins to succeed.
            Ok(()) if track.verdict == Verdict::Failing => {}
            Ok(()) => {
                doubted = false;
                reason = None;
            }
        }
        let took = health.clock.now().saturating_sub(began);
        watched
            .evidence
            .keep(track.verdict, taken, took, reason.clone());
        health.look_at(watched);
        // Many instances started together should not ask together for ever.
        sleep(watched.check.every.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
    }
}

fn nanos(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap_or(u64::MAX)
}

/// One run: its timeout, its panic and its error are all just failures.
async fn once(check: &Check) -> Result<(), String> {
    let made = catch_unwind(AssertUnwindSafe(|| (check.ask)()));
    let mut run = match made {
        Ok(run) => Guarded(Some(run)),
        Err(panic) => return Err(panicked(panic.as_ref())),
    };
    let answer = poll_fn(|context| {
        let Some(run) = &mut run.0 else {
            return Poll::Pending;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic.as_ref()))))
    });
    let limit = check.timeout;
    let late = |_| Err(format!("no answer within {limit:?}"));
    timeout(limit, answer).await.unwrap_or_else(late)
}

/// A run whose drop may panic without taking the task with it.
struct Guarded(Option<Answer>);

impl Drop for Guarded {
    fn drop(&mut self) {
        let run = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(run)));
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> String {
    format!("the check panicked: {}", panic_text(panic))
}
