//! What each probe asks, row by row.

use std::borrow::Cow;

use super::build::WORKERS;
use super::{Health, Inner, Watched};
use crate::evidence::Status;
use crate::heartbeat::Heartbeat;
use crate::latch::Progress;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Does the process make progress?
    Live,
    /// May traffic come?
    Ready,
    /// Has the service started?
    Startup,
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) status: Status,
    /// Why the status is not [`Status::Pass`].
    pub(crate) why: Option<String>,
    /// Whether everybody may read why.
    pub(crate) open: bool,
    /// Clock reading of the evidence, and nanoseconds the run took.
    pub(crate) run: Option<(u64, u64)>,
}

impl<'a> Row<'a> {
    fn plain(name: impl Into<Cow<'a, str>>, fault: Option<String>) -> Self {
        let status = match fault {
            Some(_) => Status::Fail,
            None => Status::Pass,
        };
        Self {
            name: name.into(),
            status,
            why: fault,
            open: false,
            run: None,
        }
    }

    /// Why the status is not [`Status::Pass`], as far as the asker may know.
    pub(crate) fn told(&self, detail: bool) -> Option<&str> {
        self.why.as_deref().filter(|_| detail || self.open)
    }
}

impl Health {
    /// Whether the probe passes without a word: the usual answer, found
    /// without a lock and without an allocation.
    pub(crate) fn passes(&self, probe: Probe) -> bool {
        self.0.passes(probe)
    }

    /// All rows of a probe.
    pub(crate) fn rows(&self, probe: Probe) -> Vec<Row<'_>> {
        self.0.rows(probe)
    }
}

impl Inner {
    pub(super) fn passes(&self, probe: Probe) -> bool {
        let now = self.clock.now();
        match probe {
            Probe::Live => {
                let beats = |heart: &Heartbeat| heart.status(now) != Status::Fail;
                self.workers.status(now) != Status::Fail && self.hearts.iter().all(beats)
            }
            Probe::Startup => self.latches.all_open(),
            Probe::Ready => {
                let serves = |watched: &Watched| watched.evidence.serves(now, &watched.rules);
                self.latches.all_open()
                    && !self.drain.is_draining()
                    && self.unmoved(now).is_none()
                    && self.checks.iter().all(serves)
            }
        }
    }

    pub(super) fn rows(&self, probe: Probe) -> Vec<Row<'_>> {
        let now = self.clock.now();
        match probe {
            Probe::Live => self.live(now),
            Probe::Ready => self.ready(now),
            Probe::Startup => self.startup(),
        }
    }

    fn live(&self, now: u64) -> Vec<Row<'_>> {
        let row = |heart: &'_ Heartbeat| {
            let fails = heart.status(now) == Status::Fail;
            Row::plain(heart.name.clone(), fails.then(|| heart.why(now)))
        };
        let mut rows: Vec<_> = self.hearts.iter().map(row).collect();
        let status = self.workers.status(now);
        let workers = Row {
            status,
            why: (status != Status::Pass).then(|| self.workers.why(now)),
            ..Row::plain(WORKERS, None)
        };
        // After the runtime's own.
        rows.insert(rows.len().min(1), workers);
        rows
    }

    fn ready(&self, now: u64) -> Vec<Row<'_>> {
        let pending: Vec<String> = self
            .latches
            .list()
            .into_iter()
            .filter_map(|(name, progress)| match progress {
                Progress::Done => None,
                Progress::Pending => Some(name.into()),
                Progress::GivenUp => Some(format!("{name} (given up)")),
            })
            .collect();
        let waits = || format!("waiting for {}", pending.join(", "));
        let startup = Row::plain("startup", (!pending.is_empty()).then(waits));
        let draining = self.drain.is_draining().then(|| self.drain.progress());
        let shutdown = Row {
            // How far a drain is gives nothing away.
            open: true,
            ..Row::plain("shutdown", draining)
        };
        let checks = self.checks.iter().map(|watched| watched.row(now));
        let advices = self.advices.iter().map(|advice| {
            let why = advice.ask();
            let status = why.as_ref().map_or(Status::Pass, |_| Status::Warn);
            let name = advice.name.as_str().into();
            Row {
                name,
                status,
                why,
                open: false,
                run: None,
            }
        });
        // Only while it stands still: it is liveness' own row.
        let stands = self.unmoved(now).map(|heart| {
            let silence = heart.silence(now).as_secs_f64();
            let why = format!("no progress for {silence:.1} s");
            Row::plain(heart.name.clone(), Some(why))
        });
        let rows = [startup, shutdown].into_iter().chain(stands);
        rows.chain(checks).chain(advices).collect()
    }

    /// The runtime's heart, if it has missed so many beats that requests wait:
    /// traffic had better go elsewhere, well before liveness fails.
    fn unmoved(&self, now: u64) -> Option<&Heartbeat> {
        let heart = self.hearts.first()?;
        (heart.silent_nanos(now) > self.unmoved_after).then_some(heart)
    }

    fn startup(&self) -> Vec<Row<'_>> {
        let latches = self.latches.list();
        if latches.is_empty() {
            return vec![Row::plain("ping", None)];
        }
        let row = |(name, progress): (Box<str>, Progress)| {
            Row::plain(String::from(name), progress.fault().map(Into::into))
        };
        latches.into_iter().map(row).collect()
    }
}

impl Watched {
    fn row(&self, now: u64) -> Row<'_> {
        let reading = self.evidence.read();
        let status = reading.status(now, &self.rules);
        let why = || self.evidence.why(now, &self.rules);
        Row {
            name: self.check.name.as_str().into(),
            status,
            why: if status == Status::Pass { None } else { why() },
            open: false,
            run: reading.taken.map(|taken| (taken, self.evidence.took())),
        }
    }
}
