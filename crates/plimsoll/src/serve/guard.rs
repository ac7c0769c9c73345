//! Hears the signals on the listeners' own thread, and sees to it that the
//! process ends in its time, whatever the service's runtime does.
//!
//! A runtime whose workers are all blocked notices neither a signal nor a
//! deadline. Here readiness ends at the signal itself. If by the end of the
//! wait, the drain and the margin nobody has begun to flush, or soon after a
//! second signal, this thread says what was cut, flushes and ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use plimsoll_health::budget::MARGIN;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, timeout_at};

use super::signals::{Heard, Signal, Streams};
use crate::Plimsoll;

/// How long the service itself may take after a second signal: its connections
/// end within three times [`super::LINGER`].
const HURRY: Duration = Duration::from_secs(2);

/// Nobody has begun to flush.
const OPEN: u8 = u8::MAX;

/// Who flushes and ends the process, and what it exits with.
#[derive(Debug)]
pub(crate) struct End {
    code: AtomicU8,
    serves: AtomicBool,
}

impl Default for End {
    fn default() -> Self {
        Self {
            code: AtomicU8::new(OPEN),
            serves: AtomicBool::new(false),
        }
    }
}

impl End {
    /// Takes the end upon oneself; only the first can.
    pub(super) fn take(&self, code: u8) -> bool {
        let taken = self
            .code
            .compare_exchange(OPEN, code, Ordering::AcqRel, Ordering::Acquire);
        taken.is_ok()
    }

    /// Says that somebody may be served from now on.
    pub(super) fn serves(&self) {
        self.serves.store(true, Ordering::Release);
    }

    /// What a process that is ended from here exits with: before it served,
    /// nothing is cut.
    fn forced(&self) -> u8 {
        u8::from(self.serves.load(Ordering::Acquire))
    }

    /// What it exits with that is being ended in order.
    fn taken(&self) -> Option<u8> {
        let code = self.code.load(Ordering::Acquire);
        (code != OPEN).then_some(code)
    }
}

/// Hears signals for ever, and ends the process if nobody else does.
pub(crate) async fn guard(
    plimsoll: Plimsoll,
    mut streams: Streams,
    heard: watch::Sender<Heard>,
    end: Arc<End>,
) {
    let first = streams.next().await;
    let budget = plimsoll.0.budget;
    let serve_for = first.wait(&budget).saturating_add(budget.drain);
    plimsoll.drain().begin(serve_for);
    let least = first.wait(&budget).saturating_add(super::LINGER * 3);
    let mut deadline = Instant::now() + serve_for.max(least) + MARGIN;
    heard.send_modify(|heard| heard.add(first));
    // Whether a flush that is under way has had its time, or was told to hurry.
    let mut granted = false;
    loop {
        if let Ok(signal) = timeout_at(deadline, streams.next()).await {
            granted |= end.taken().is_some();
            deadline = deadline.min(Instant::now() + HURRY);
            heard.send_modify(|heard| heard.add(signal));
            continue;
        }
        let code = end.forced();
        if end.take(code) {
            force(&plimsoll, first, &mut streams).await;
            exit(code);
        }
        if granted {
            exit(end.taken().unwrap_or(code));
        }
        granted = true;
        deadline = Instant::now() + budget.flush + super::FLUSH_SLACK;
    }
}

/// Says what is cut, and flushes; one more signal ends that too.
async fn force(plimsoll: &Plimsoll, signal: Signal, streams: &mut Streams) {
    let drain = plimsoll.drain();
    let upgraded = drain.upgraded();
    let requests = drain.in_flight().saturating_sub(upgraded);
    plimsoll.say(
        "cut",
        &[
            ("signal", signal.as_str().into()),
            ("why", "the runtime is blocked and did not end".into()),
            ("requests", requests.to_string()),
            ("upgraded", upgraded.to_string()),
        ],
    );
    plimsoll.telemetry().abort_requests();
    tokio::select! {
        _ = plimsoll.flushed(plimsoll.0.budget.flush) => {}
        _ = streams.next() => {}
    }
}

#[expect(
    clippy::exit,
    reason = "the runtime that should end the process cannot, and the platform would kill it next"
)]
fn exit(code: u8) -> ! {
    std::process::exit(i32::from(code))
}
