//! Requests that arrive at their own pace, whatever becomes of those before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use plimsoll_ratelimit::shared::SharedLimiter;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::fleet::ask;

/// A load until it is ended. Each request is another client's.
pub(crate) struct Load {
    on: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What a load saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How long answers took, sorted.
    waits: Vec<Duration>,
    /// By how much a plain timer of the same length as a decision's deadline was
    /// late meanwhile, sorted: what the machine did to all.
    late: Vec<Duration>,
    /// How often each status was answered.
    pub(crate) statuses: BTreeMap<u16, u64>,
}

/// No two loads of a test send the same client's request.
static CLIENTS: AtomicU32 = AtomicU32::new(0x0A00_0000);

impl Load {
    /// A request each `pace`.
    pub(crate) fn start(limiter: &SharedLimiter, pace: Duration) -> Self {
        let (on, seen) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let task = run(limiter.clone(), pace, Arc::clone(&on), Arc::clone(&seen));
        let task = tokio::spawn(task);
        Self { on, seen, task }
    }

    /// Requests that were answered.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().waits.len()
    }

    pub(crate) async fn end(self) -> Seen {
        self.on.store(false, Ordering::Relaxed);
        self.task.await.unwrap();
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.waits.sort_unstable();
        seen.late.sort_unstable();
        seen
    }
}

async fn run(limiter: SharedLimiter, pace: Duration, on: Arc<AtomicBool>, seen: Arc<Mutex<Seen>>) {
    const TIMER: Duration = Duration::from_millis(10);
    let mut tick = interval(pace);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = tokio::task::JoinSet::new();
    while on.load(Ordering::Relaxed) {
        tick.tick().await;
        let (limiter, of) = (limiter.clone(), Arc::clone(&seen));
        under_way.spawn(async move {
            let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
            let asked = Instant::now();
            let status = ask(&limiter, client).await;
            let wait = asked.elapsed();
            let mut seen = of.lock().unwrap();
            seen.waits.push(wait);
            *seen.statuses.entry(status).or_default() += 1;
        });
        let of = Arc::clone(&seen);
        under_way.spawn(async move {
            let asked = Instant::now();
            sleep(TIMER).await;
            let late = asked.elapsed().saturating_sub(TIMER);
            of.lock().unwrap().late.push(late);
        });
        while under_way.try_join_next().is_some() {}
    }
    while let Some(done) = under_way.join_next().await {
        done.unwrap();
    }
}

impl Seen {
    /// Of a hundred requests, how long 99 waited at most.
    pub(crate) fn p99(&self) -> Duration {
        self.waits[self.waits.len() * 99 / 100]
    }

    /// How late a timer was in the worst of a hundred cases; by up to 2 ms all are.
    pub(crate) fn machine(&self) -> Duration {
        let late = self.late[self.late.len() * 99 / 100];
        late.saturating_sub(Duration::from_millis(2))
    }
}
