use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll_core::Clock;

use super::observe::UNTOLD;
use super::run::pause;
use super::{Health, Inner, Watched};
use crate::advice::Advice;
use crate::check::Check;
use crate::drain::Drain;
use crate::evidence::{Evidence, Status};
use crate::face::grpc::Services;
use crate::heartbeat::{Heartbeat, MAX_SILENCE};
use crate::history::History;
use crate::latch::Latches;
use crate::need::{MAX_NEEDS, Needs};
use crate::workers::Workers;

/// Name of the heart that beats on the runtime of [`Health::start`].
pub(super) const RUNTIME: &str = "runtime";

/// Name of the row of its worker threads.
pub(super) const WORKERS: &str = "workers";

/// Rows that probes have of their own.
const RESERVED: [&str; 5] = ["startup", "shutdown", RUNTIME, WORKERS, "ping"];

/// Longest name of a check or a latch, in bytes.
pub(crate) const MAX_NAME: usize = 64;

/// Longest pause between two runs of a check, and longest run.
const MAX_TIME: Duration = Duration::from_hours(24);

/// Gathers what makes up a [`Health`].
#[derive(Debug, Default)]
#[must_use = "call `build`"]
pub struct HealthBuilder {
    clock: Clock,
    checks: Vec<Check>,
    hearts: Vec<Heartbeat>,
    advices: Vec<Advice>,
    max_stall: Option<Duration>,
}

/// Why a [`Health`] cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// A name that cannot stand in a path and a label.
    #[error(
        "{0:?} cannot name a check; use 1 to {MAX_NAME} lower-case letters, digits, `-`, `_` or `.`"
    )]
    Name(String),
    /// A name of a row that probes have of their own.
    #[error("{0:?} is a row of the probes themselves; name the check otherwise")]
    Reserved(String),
    /// Two checks or hearts with one name.
    #[error("two checks are named {0:?}; each needs a name of its own")]
    Twice(String),
    /// A check that would run without pause or without time, or a heart that may
    /// never stand still.
    #[error("{0:?}: `every`, `timeout`, `max_silence` and `max_stall` have to be longer than 0")]
    NoTime(String),
    /// A check that would as good as never run.
    #[error("check {0:?}: `every` and `timeout` may be at most a day")]
    TooLong(String),
    /// Evidence that would be too old before it can be renewed.
    #[error(
        "check {check:?}: with this `every` and `timeout` good evidence gets {least:?} old before it is renewed; raise `max_age` to that"
    )]
    MaxAge {
        /// The check.
        check: String,
        /// The longest pause between two runs and a run.
        least: Duration,
    },
    /// More checks that only some routes need than can be told apart.
    #[error("at most {MAX_NEEDS} checks can have routes that need them")]
    TooManyNeeds,
}

impl HealthBuilder {
    /// A check that decides whether traffic may come.
    pub fn readiness(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// A heart whose silence means that the process has to be restarted.
    pub fn liveness(mut self, heart: Heartbeat) -> Self {
        self.hearts.push(heart);
        self
    }

    /// Something that can warn and never fails a probe, asked whenever somebody
    /// wants to know: it has to answer at once. `None` is fine.
    pub fn advice(
        mut self,
        name: impl Into<String>,
        ask: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.advices.push(Advice::new(name.into(), ask));
        self
    }

    /// How long the runtime, or one of its worker threads, may make no progress
    /// before liveness fails; 30 s unless told otherwise. A sixth of it warns.
    pub fn max_stall(mut self, limit: Duration) -> Self {
        self.max_stall = Some(limit);
        self
    }

    /// The clock by which evidence ages.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Checks the names.
    ///
    /// # Errors
    /// When a name is bad, reserved or given twice, or times don't fit.
    pub fn build(self) -> Result<Health, HealthError> {
        let mut names: Vec<&str> = Vec::new();
        let checks = self.checks.iter().map(|check| check.name.as_str());
        let hearts = self.hearts.iter().map(|heart| heart.name.as_str());
        let advices = self.advices.iter().map(|advice| advice.name.as_str());
        for name in checks.chain(hearts).chain(advices) {
            proper(name)?;
            if names.contains(&name) {
                return Err(HealthError::Twice(name.into()));
            }
            names.push(name);
        }
        self.checks.iter().try_for_each(timed)?;
        let still = self.hearts.iter().find(|heart| heart.limit().is_zero());
        if let Some(heart) = still {
            return Err(HealthError::NoTime(heart.name.clone()));
        }
        if self.max_stall.is_some_and(|limit| limit.is_zero()) {
            return Err(HealthError::NoTime(RUNTIME.into()));
        }
        let max_stall = self.max_stall.unwrap_or(MAX_SILENCE);
        let runtime = Heartbeat::new(RUNTIME).max_silence(max_stall);
        let unmoved_after = pause(&runtime).saturating_mul(MISSED).as_nanos();
        let mut hearts = vec![runtime];
        hearts.extend(self.hearts);
        for heart in &hearts {
            heart.attach(&self.clock);
        }
        let mut needs = Needs::default();
        let mut checks = Vec::new();
        for mut check in self.checks {
            let patterns = std::mem::take(&mut check.needed_by);
            let mut need = None;
            if !patterns.is_empty() {
                need = needs.add(&check.name, patterns.clone());
                if need.is_none() {
                    return Err(HealthError::TooManyNeeds);
                }
            }
            check.needed_by = patterns;
            if let Some(calls) = &check.calls {
                calls.attach(&self.clock);
            }
            checks.push(Watched {
                rules: check.rules(),
                check,
                evidence: Evidence::default(),
                need,
                told: AtomicU8::new(UNTOLD),
                flaps: AtomicU64::new(0),
            });
        }
        Ok(Health(Arc::new(Inner {
            checks,
            hearts,
            unmoved_after: u64::try_from(unmoved_after).unwrap_or(u64::MAX),
            workers: Workers::new(max_stall),
            advices: self.advices,
            latches: Arc::new(Latches::default()),
            drain: Drain::new(self.clock.clone()),
            clock: self.clock,
            started: AtomicBool::new(false),
            services: Services::default(),
            history: History::default(),
            needs: Arc::new(needs),
            telling: Mutex::default(),
            // A process lives from the start, and is ready some time after.
            told: [AtomicU8::new(Status::Pass as u8), AtomicU8::new(UNTOLD)],
        })))
    }
}

/// Beats of the runtime's heart without which it is not ready.
const MISSED: u32 = 5;

/// Whether a check's times fit one another.
fn timed(check: &Check) -> Result<(), HealthError> {
    let name = || check.name.clone();
    if check.every.is_zero() || check.timeout.is_zero() {
        return Err(HealthError::NoTime(name()));
    }
    if check.every > MAX_TIME || check.timeout > MAX_TIME {
        return Err(HealthError::TooLong(name()));
    }
    let least = check.every + check.every / 10 + check.timeout;
    if Duration::from_nanos(check.rules().max_age) < least {
        let check = name();
        return Err(HealthError::MaxAge { check, least });
    }
    Ok(())
}

fn proper(name: &str) -> Result<(), HealthError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(HealthError::Name(name.into()));
    }
    if RESERVED.contains(&name) {
        return Err(HealthError::Reserved(name.into()));
    }
    Ok(())
}
