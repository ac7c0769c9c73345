//! Evidence that the process makes progress.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use plimsoll_core::Clock;

use crate::evidence::Status;

/// How long a heart may stand still unless told otherwise.
pub const MAX_SILENCE: Duration = Duration::from_secs(30);

/// A beat that some task or thread of this process gives. Liveness takes
/// nothing else, so that no dependency can restart the service.
///
/// It counts from its first beat on: before that it passes, for starting is
/// the matter of a [`crate::Latch`]. Clones are the same heart.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_health::{Health, Heartbeat};
///
/// let ingest = Heartbeat::new("ingest").max_silence(Duration::from_secs(5));
/// let health = Health::builder().liveness(ingest.clone()).build()?;
/// ingest.beat();
/// assert_eq!(health.answer("/livez", None, false).unwrap().status(), 200);
/// # Ok::<(), plimsoll_health::HealthError>(())
/// ```
///
/// A check of a dependency does not fit there:
/// ```compile_fail
/// use plimsoll_health::{Check, Health};
/// Health::builder().liveness(Check::new("database", async || Ok::<(), String>(())));
/// ```
#[derive(Debug, Clone)]
pub struct Heartbeat {
    pub(crate) name: String,
    max_silence: Duration,
    heart: Arc<Heart>,
}

#[derive(Debug, Default)]
struct Heart {
    clock: OnceLock<Clock>,
    /// Clock reading of the last beat; 0 before the first.
    last: AtomicU64,
}

impl Heartbeat {
    /// A heart that may stand still for [`MAX_SILENCE`].
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            max_silence: MAX_SILENCE,
            heart: Arc::default(),
        }
    }

    /// How long it may stand still.
    #[must_use]
    pub fn max_silence(mut self, limit: Duration) -> Self {
        self.max_silence = limit;
        self
    }

    /// Says that there is progress. Before a [`crate::Health`] was built with
    /// it nobody listens.
    pub fn beat(&self) {
        if let Some(clock) = self.heart.clock.get() {
            let now = clock.now().max(1);
            self.heart.last.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) const fn limit(&self) -> Duration {
        self.max_silence
    }

    /// Makes the beats count by this clock; the first one given stays.
    pub(crate) fn attach(&self, clock: &Clock) {
        let _ = self.heart.clock.set(clock.clone());
    }

    pub(crate) fn silence(&self, now: u64) -> Duration {
        Duration::from_nanos(self.silent_nanos(now))
    }

    pub(crate) fn silent_nanos(&self, now: u64) -> u64 {
        match self.heart.last.load(Ordering::Relaxed) {
            0 => 0,
            last => now.saturating_sub(last),
        }
    }

    pub(crate) fn status(&self, now: u64) -> Status {
        if self.silence(now) > self.max_silence {
            Status::Fail
        } else {
            Status::Pass
        }
    }

    pub(crate) fn why(&self, now: u64) -> String {
        let silence = self.silence(now).as_secs_f64();
        let max = self.max_silence.as_secs_f64();
        format!("no progress for {silence:.1} s, more than {max:.1} s")
    }
}
