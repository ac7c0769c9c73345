//! All evidence of a service together, and the tasks that gather it.

mod build;
mod observe;
mod report;
mod run;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll_core::Clock;

use crate::advice::Advice;
use crate::check::Check;
use crate::drain::Drain;
use crate::evidence::{Evidence, Rules, Status};
use crate::face::grpc::Services;
use crate::heartbeat::Heartbeat;
use crate::history::{History, Transition};
use crate::latch::{Latch, Latches};
use crate::need::{NeedGate, Needs};
use crate::workers::Workers;

pub(crate) use build::MAX_NAME;
pub use build::{HealthBuilder, HealthError};
pub(crate) use report::{Probe, Row};
pub use run::{Running, StartError};

/// The health of a service; clones share it.
///
/// ```
/// use plimsoll_health::{Check, Health};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let database = Check::new("database", async || Ok::<(), String>(()));
/// let health = Health::builder().readiness(database).build().unwrap();
///
/// let migrations = health.startup("migrations");
/// let running = health.start().unwrap();
/// assert_eq!(health.answer("/readyz", None, false).unwrap().status(), 503);
///
/// migrations.open();
/// while health.answer("/readyz", None, false).unwrap().status() != 200 {
///     tokio::task::yield_now().await;
/// }
/// drop(running);
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Health(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) clock: Clock,
    checks: Vec<Watched>,
    hearts: Vec<Heartbeat>,
    /// Nanoseconds without a beat of the runtime's heart, the first, from which on
    /// it is not ready.
    unmoved_after: u64,
    workers: Workers,
    advices: Vec<Advice>,
    latches: Arc<Latches>,
    drain: Drain,
    started: AtomicBool,
    pub(crate) services: Services,
    history: History,
    needs: Arc<Needs>,
    /// Held by who looks for changes.
    telling: Mutex<()>,
    told: [AtomicU8; 2],
}

/// A check and what it found.
#[derive(Debug)]
struct Watched {
    check: Check,
    rules: Rules,
    evidence: Evidence,
    /// Its row of the needs.
    need: Option<usize>,
    /// The status that was told last.
    told: AtomicU8,
    flaps: AtomicU64,
}

/// A check or a heart in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Stat {
    /// Its name.
    pub check: String,
    /// Of the check itself: 1 passing, 0.5 wavering or old, 0 failing.
    pub status: f64,
    /// What its failure does: `liveness`, `readiness`, `routes`, or `none`.
    pub effect: &'static str,
    /// Seconds since its evidence was taken; `None` before the first.
    pub age_seconds: Option<f64>,
    /// Seconds its last run took; `None` before the first.
    pub duration_seconds: Option<f64>,
    /// How often it changed between failing and not.
    pub flaps: u64,
}

impl Health {
    /// A service's health with nothing in it yet.
    pub fn builder() -> HealthBuilder {
        HealthBuilder::default()
    }

    /// Something that has to happen before the service has started. Until the
    /// latch is opened, `/startupz` and `/readyz` fail and name it. Latches of
    /// one name are one row, which waits for all of them.
    pub fn startup(&self, name: &str) -> Latch {
        self.0.latches.add(name)
    }

    /// The drain that readiness follows.
    pub fn drain(&self) -> &Drain {
        &self.0.drain
    }

    /// The last transitions of checks and probes, oldest first, and how many
    /// came before them.
    pub fn history(&self) -> (Vec<Transition>, u64) {
        self.0.history.read()
    }

    /// How long a worker thread of the runtime has been blocked, if one is.
    pub fn stall(&self) -> Duration {
        self.0.workers.stall(self.0.clock.now())
    }

    /// The gate that refuses what needs a failing check; see [`Check::needed_by`].
    pub fn need_gate(&self) -> NeedGate {
        NeedGate {
            needs: Arc::clone(&self.0.needs),
            rollout: plimsoll_core::Rollout::default(),
        }
    }

    /// What `/livez` says.
    pub fn is_live(&self) -> bool {
        self.passes(Probe::Live)
    }

    /// What `/readyz` says: read from memory, without a lock or an allocation.
    ///
    /// ```
    /// use plimsoll_health::Health;
    ///
    /// let health = Health::builder().build()?;
    /// assert!(health.is_ready());
    /// health.drain().begin(std::time::Duration::from_secs(23));
    /// assert!(health.is_live() && !health.is_ready());
    /// # Ok::<(), plimsoll_health::HealthError>(())
    /// ```
    pub fn is_ready(&self) -> bool {
        self.passes(Probe::Ready)
    }

    /// Whether all latches are open.
    pub fn is_started(&self) -> bool {
        self.0.latches.all_open()
    }

    /// Each probe's name, and whether it passes.
    pub fn probes(&self) -> [(&'static str, bool); 3] {
        [
            ("livez", self.passes(Probe::Live)),
            ("readyz", self.passes(Probe::Ready)),
            ("startupz", self.passes(Probe::Startup)),
        ]
    }

    /// How many latches are closed.
    pub fn pending(&self) -> usize {
        self.0.latches.pending()
    }

    /// The checks in numbers, in the order in which they were given, then the
    /// advices, the hearts and the runtime's workers.
    pub fn stats(&self) -> Vec<Stat> {
        let now = self.0.clock.now();
        let seconds = |nanos| Duration::from_nanos(nanos).as_secs_f64();
        let row = |watched: &Watched| {
            let reading = watched.evidence.read();
            let took = reading.taken.map(|_| watched.evidence.took());
            Stat {
                check: watched.check.name.clone(),
                status: reading.status(now, &watched.rules.alone()).value(),
                effect: match (&watched.need, watched.rules.optional) {
                    (Some(_), _) => "routes",
                    (None, true) => "none",
                    (None, false) => "readiness",
                },
                age_seconds: reading.age(now).map(seconds),
                duration_seconds: took.map(seconds),
                flaps: watched.flaps.load(Ordering::Relaxed),
            }
        };
        let of_advice = |advice: &Advice| Stat {
            check: advice.name.clone(),
            status: advice.ask().map_or(Status::Pass, |_| Status::Warn).value(),
            effect: "none",
            age_seconds: None,
            duration_seconds: None,
            flaps: 0,
        };
        let alive = |name: &str, status: Status, still: Duration| Stat {
            check: name.into(),
            status: status.value(),
            effect: "liveness",
            age_seconds: Some(still.as_secs_f64()),
            duration_seconds: None,
            flaps: 0,
        };
        let workers = &self.0.workers;
        let workers = alive(build::WORKERS, workers.status(now), workers.stall(now));
        let of_heart =
            |heart: &Heartbeat| alive(&heart.name, heart.status(now), heart.silence(now));
        let checks = self.0.checks.iter().map(row);
        let advices = self.0.advices.iter().map(of_advice);
        let hearts = self.0.hearts.iter().map(of_heart);
        checks
            .chain(advices)
            .chain(hearts)
            .chain([workers])
            .collect()
    }
}
