//! A stall detector for each worker of a runtime.
//!
//! A worker that parks says so, and one under load adds its busy time every few
//! dozen polls; both are numbers that tokio keeps anyway and that any thread may
//! read. A worker that is not parked and whose numbers stand still has been
//! inside these polls all the time: a handler blocks it. What this proves: no
//! more than one such stretch of polls has begun there since. What it does not:
//! that a task which waits will ever be woken; for that there is
//! [`crate::Heartbeat`].
//!
//! A blocked worker can stop the others too: where it was the one that waited for
//! sockets and timers, the others sleep until a task wakes them, and no task does
//! (tokio-rs/tokio#4730). So they are given an empty one, after which one of them
//! waits for sockets and timers instead.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::evidence::Status;

/// The workers of one runtime.
#[derive(Debug)]
pub(crate) struct Workers {
    max_stall: Duration,
    runtime: OnceLock<Handle>,
    /// Whether an empty task is on its way: with every worker blocked it stays.
    nudged: Arc<AtomicBool>,
    seen: Mutex<Vec<Seen>>,
    /// When the worker that stands still the longest was last seen to move, in
    /// nanoseconds, plus one; 0 while all move.
    since: AtomicU64,
}

/// A worker as it was when it last moved.
#[derive(Debug, Clone, Copy)]
struct Seen {
    parks: u64,
    busy: Duration,
    at: u64,
}

impl Workers {
    pub(crate) fn new(max_stall: Duration) -> Self {
        Self {
            max_stall,
            runtime: OnceLock::new(),
            nudged: Arc::default(),
            seen: Mutex::default(),
            since: AtomicU64::new(0),
        }
    }

    /// Watches this runtime; the first one given stays.
    pub(crate) fn attach(&self, runtime: Handle) {
        let _ = self.runtime.set(runtime);
    }

    /// Looks at every worker, and wakes the others when one stands still.
    pub(crate) fn look(&self, now: u64) {
        let Some(handle) = self.runtime.get() else {
            return;
        };
        let runtime = handle.metrics();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oldest = None;
        for worker in 0..runtime.num_workers() {
            let parks = runtime.worker_park_unpark_count(worker);
            let busy = runtime.worker_total_busy_duration(worker);
            let is = Seen {
                parks,
                busy,
                at: now,
            };
            let Some(was) = seen.get_mut(worker) else {
                seen.push(is);
                continue;
            };
            // The count is odd from just before a worker parks until just after.
            let parked = parks % 2 == 1;
            if parked || was.parks != parks || was.busy != busy {
                *was = is;
            } else if oldest.is_none_or(|oldest| was.at < oldest) {
                oldest = Some(was.at);
            }
        }
        let since = oldest.map_or(0, |at| at.saturating_add(1));
        self.since.store(since, Ordering::Release);
        if oldest.is_some() && !self.nudged.swap(true, Ordering::AcqRel) {
            let nudged = Arc::clone(&self.nudged);
            handle.spawn(async move { nudged.store(false, Ordering::Release) });
        }
    }

    /// How long a worker has stood still.
    pub(crate) fn stall(&self, now: u64) -> Duration {
        match self.since.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            since => Duration::from_nanos(now.saturating_sub(since - 1)),
        }
    }

    /// Warns after a sixth of what fails.
    pub(crate) fn status(&self, now: u64) -> Status {
        let stall = self.stall(now);
        if stall > self.max_stall {
            Status::Fail
        } else if stall > self.max_stall / 6 {
            Status::Warn
        } else {
            Status::Pass
        }
    }

    pub(crate) fn why(&self, now: u64) -> String {
        let stall = self.stall(now).as_secs_f64();
        let max = self.max_stall.as_secs_f64();
        format!("a worker thread has been blocked for {stall:.1} s; at most {max:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    const SECOND: u64 = 1_000_000_000;

    fn until(mut reached: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !reached() {
            assert!(begin.elapsed() < Duration::from_secs(30), "in vain");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_blocked_worker_shows_while_others_run_and_idle_or_busy_ones_do_not() {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).build().unwrap();
        let workers = Workers::new(Duration::from_secs(30));
        workers.attach(runtime.handle().clone());
        // Idle: parked, however long.
        until(|| (0..2).all(|worker| runtime.metrics().worker_park_unpark_count(worker) % 2 == 1));
        workers.look(0);
        workers.look(100 * SECOND);
        assert_eq!(workers.status(100 * SECOND), Status::Pass);

        let (release, held) = mpsc::channel::<()>();
        let (begun, blocked) = mpsc::channel();
        runtime.spawn(async move {
            begun.send(()).unwrap();
            held.recv().unwrap();
        });
        blocked.recv().unwrap();
        workers.look(101 * SECOND);
        // The other one works without a pause: that is progress.
        let busy = runtime.spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        until(|| {
            workers.look(101 * SECOND);
            workers.since.load(Ordering::Acquire) == 101 * SECOND + 1
        });
        for (at, status) in [
            (105, Status::Pass),
            (107, Status::Warn),
            (131, Status::Warn),
            (132, Status::Fail),
        ] {
            workers.look(at * SECOND);
            assert_eq!(workers.status(at * SECOND), status, "{at}");
        }
        assert!(workers.why(132 * SECOND).contains("blocked for 31.0 s"));
        release.send(()).unwrap();
        until(|| {
            workers.look(133 * SECOND);
            workers.status(133 * SECOND) == Status::Pass
        });
        busy.abort();
    }

    #[test]
    fn timers_go_on_when_the_worker_that_waited_for_them_is_blocked() {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_time().build().unwrap();
        let workers = Workers::new(Duration::from_secs(30));
        workers.attach(runtime.handle().clone());
        let metrics = runtime.metrics();
        until(|| (0..2).all(|worker| metrics.worker_park_unpark_count(worker) % 2 == 1));
        let (release, held) = mpsc::channel::<()>();
        let (begun, blocked) = mpsc::channel();
        let soon = Duration::from_millis(100);
        // Woken by the timer, and so on the worker that waits for it.
        runtime.spawn(async move {
            tokio::time::sleep(soon).await;
            begun.send(()).unwrap();
            held.recv().unwrap();
        });
        let due = runtime.spawn(async move { tokio::time::sleep(2 * soon).await });
        blocked.recv().unwrap();
        until(|| {
            workers.look(SECOND);
            due.is_finished()
        });
        release.send(()).unwrap();
    }
}
