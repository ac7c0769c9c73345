//! Finds what changed and tells of it once: to the log, the history, the needs.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Health, Inner, Probe, Row, Watched};
use crate::evidence::Status;
use crate::history::Transition;

/// How often evidence is looked at between its runs: it also changes by growing old.
const LOOK: Duration = Duration::from_millis(250);

/// Nothing was told yet.
pub(super) const UNTOLD: u8 = u8::MAX;

impl Health {
    /// Finds transitions until it is dropped. [`Health::start`] does it too, but a
    /// runtime that stands still finds nothing: let another thread do it as well.
    pub async fn observe(&self) {
        loop {
            self.0.look();
            if self.0.drain.is_draining() {
                sleep(LOOK).await;
            } else {
                let _ = timeout(LOOK, self.0.drain.begun()).await;
            }
        }
    }
}

impl Inner {
    /// Looks at every check and probe.
    pub(super) fn look(&self) {
        let telling = self.telling();
        self.workers.look(self.clock.now());
        for watched in &self.checks {
            self.compare(watched, &telling);
        }
        self.look_at_probe(Probe::Live, "livez");
        self.look_at_probe(Probe::Ready, "readyz");
    }

    fn look_at_probe(&self, probe: Probe, name: &str) {
        let status = if self.passes(probe) {
            Status::Pass
        } else {
            Status::Fail
        };
        let told = &self.told[probe as usize];
        if status == Status::Fail && told.load(Ordering::Acquire) == UNTOLD {
            // Not ready yet is no news; what fails is told by its check.
            return;
        }
        if let News::From(from) = told_anew(told, status) {
            self.tell(name, from, status, because(&self.rows(probe), status));
        }
    }

    /// Looks at one check.
    pub(super) fn look_at(&self, watched: &Watched) {
        self.compare(watched, &self.telling());
    }

    /// One at a time looks and tells: who looked earlier would else tell later,
    /// and a change that never was. No probe waits for it.
    fn telling(&self) -> MutexGuard<'_, ()> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare(&self, watched: &Watched, _: &MutexGuard<'_, ()>) {
        let now = self.clock.now();
        let reading = watched.evidence.read();
        if reading.taken.is_none() {
            return;
        }
        let status = reading.status(now, &watched.rules.alone());
        let fails = |status| status == Status::Fail;
        if let Some(row) = watched.need {
            self.needs.set(row, fails(status));
        }
        let News::From(from) = told_anew(&watched.told, status) else {
            return;
        };
        if from.is_some_and(|from| fails(from) != fails(status)) {
            watched.flaps.fetch_add(1, Ordering::Relaxed);
        }
        let why = (status != Status::Pass).then(|| watched.evidence.why(now, &watched.rules));
        self.tell(&watched.check.name, from, status, why.flatten());
    }

    /// Tells once: to the log and to the history.
    fn tell(&self, name: &str, from: Option<Status>, to: Status, why: Option<String>) {
        let was = from.map_or("unknown", Status::as_str);
        let is = to.as_str();
        let why = why.map(|why| why.chars().take(MAX_WHY).collect::<String>());
        let reason = why.as_deref().unwrap_or("");
        match to {
            Status::Pass => tracing::info!(check = name, from = was, to = is, "health changed"),
            // Asked for, and said by whoever drains.
            Status::Fail if self.drain.is_draining() => {
                tracing::info!(check = name, from = was, to = is, reason, "health changed");
            }
            _ => tracing::warn!(check = name, from = was, to = is, reason, "health changed"),
        }
        self.history.keep(Transition {
            at: self.clock.wall(self.clock.now()),
            name: name.into(),
            from,
            to,
            why,
        });
    }
}

/// Longest reason that is kept, in characters.
const MAX_WHY: usize = 1_000;

/// Whether there is something to tell.
enum News {
    None,
    /// What was told before, if anything was.
    From(Option<Status>),
}

fn told_anew(told: &AtomicU8, status: Status) -> News {
    match told.swap(status as u8, Ordering::AcqRel) {
        before if before == status as u8 => News::None,
        before => News::From(Status::of(before)),
    }
}

/// The rows that are as bad as the whole, each with its reason.
fn because(rows: &[Row<'_>], status: Status) -> Option<String> {
    if status == Status::Pass {
        return None;
    }
    let rows = rows.iter().filter(|row| row.status == status);
    let rows = rows.map(|row| format!("{}: {}", row.name, row.why.as_deref().unwrap_or("?")));
    Some(rows.collect::<Vec<_>>().join("; "))
}
