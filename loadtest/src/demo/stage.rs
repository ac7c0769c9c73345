//! What the chapters share.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use plimsoll_slo::{SloFile, Source};
use tokio::time::Instant;

use super::control::Control;
use super::service::{Addresses, Service};
use crate::executor::GooseExecutor;
use crate::gate::{self, Target};
use crate::journeys::card;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::{Chapter, LoadReport, Timeline};
use crate::schedule::Rate;
use crate::stats::Stats;
use crate::stop::Stop;
use crate::tape::Recorder;

/// What the card service has promised.
const SLO: &str = include_str!("../../../slo/specs/card-service.yaml");
/// Journeys a second: every class gets more than the 300 requests it needs.
const PER_SECOND: f64 = 120.0;
/// Of one chapter under load.
pub(super) const LENGTH: Duration = Duration::from_secs(14);
/// At a time: a fault makes them pile up, and the slots are not what is shown.
const SLOTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_023);
/// Longer than the story.
const STORY: Duration = Duration::from_mins(2);

/// How a chapter came out.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    /// Why it did not come out as it should.
    pub(super) outcome: Result<(), String>,
    /// For the report.
    pub(super) chapter: Chapter,
}

/// The service's surroundings: addresses, objectives, everything seen so far.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) target: Target,
    pub(super) control: Control,
    addresses: Addresses,
    began: Instant,
    seen: Stats,
    marks: Vec<(Duration, String)>,
}

impl Stage {
    /// Starts the service; the first chapter.
    pub(super) async fn open(binary: &Path) -> Result<(Self, Service, Scene), String> {
        heading("1. Start: a service of its own process, free ports, a new database");
        let started = Instant::now();
        let (service, addresses) = Service::start(binary).await?;
        let source = Source {
            name: "card-service.yaml".to_owned(),
            text: SLO.to_owned(),
        };
        let slo = plimsoll_slo::read(&[source]).map_err(|faults| faults.to_string())?;
        let target = Target {
            url: addresses.service.clone(),
            metrics: format!("{}/metrics", addresses.status),
            slo,
        };
        let control = Control::new();
        let ready = format!("{}/readyz", addresses.status);
        while !matches!(control.send(Method::GET, &ready, "").await, Ok(status) if status.is_success())
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = started.elapsed().as_secs_f64();
        let text = format!(
            "10,000 accounts, 30,000 cards and 200,000 transactions seeded; ready after {took:.1} s at {}.",
            addresses.service
        );
        tell(&format!("   {text}"));
        tell(&format!(
            "   metrics {}, control {}",
            target.metrics, addresses.control
        ));
        let chapter = Chapter::new("Start").prose(&text);
        let scene = Scene {
            name: "start",
            outcome: Ok(()),
            chapter,
        };
        let (began, seen) = (Instant::now(), Stats::new(STORY));
        let stage = Self {
            target,
            control,
            addresses,
            began,
            seen,
            marks: Vec::new(),
        };
        Ok((stage, service, scene))
    }

    /// The objectives.
    pub(super) const fn slo(&self) -> &SloFile {
        &self.target.slo
    }

    /// Where faults are switched.
    pub(super) fn faults(&self) -> String {
        format!("{}/faults", self.addresses.control)
    }

    /// Where the service says whether it may be called.
    pub(super) fn ready(&self) -> String {
        format!("{}/readyz", self.addresses.status)
    }

    /// Steady load; another seed for each chapter.
    pub(super) fn plan(seed: u64, length: Duration) -> Result<Plan, String> {
        let rate = Rate::per_second(PER_SECOND).ok_or("the rate is none")?;
        Ok(Plan {
            seed,
            max_in_flight: SLOTS,
            ..Plan::new(rate, length)
        })
    }

    /// People with cards.
    pub(super) fn journeys(&self, plan: &Plan) -> Result<Arc<GooseExecutor>, String> {
        let scenarios = card::scenarios(card::ACCOUNTS);
        let executor = GooseExecutor::new(scenarios, &self.target.url, plan);
        executor.map(Arc::new).map_err(|error| error.to_string())
    }

    /// A gated run of one chapter, while `meanwhile` goes on beside it.
    pub(super) async fn run(
        &mut self,
        seed: u64,
        meanwhile: impl Future<Output = Result<(), String>>,
    ) -> Result<LoadReport, String> {
        let plan = Self::plan(seed, LENGTH)?;
        let (executor, recorder) = (self.journeys(&plan)?, Recorder::new(plan.length));
        let shown = Progress::start(recorder.clone(), plan.length);
        let (began, stop) = (self.elapsed(), Stop::default());
        let run = gate::run(executor, &plan, &self.target, &recorder, &stop);
        let (report, beside) = tokio::join!(run, meanwhile);
        drop(shown);
        beside?;
        self.remember(&recorder.stats(), began);
        report.map_err(|error| error.to_string())
    }

    /// Adds what a chapter saw to the whole story.
    pub(super) fn remember(&mut self, stats: &Stats, began: Duration) {
        self.seen.merge(stats, began);
    }

    /// Since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Marks a moment of the story.
    pub(super) fn mark(&mut self, at: Duration, text: &str) {
        self.marks.push((at, text.to_owned()));
    }

    /// Requests of the whole story that were answered.
    pub(super) fn answered(&self) -> u64 {
        self.seen.overall().answered()
    }

    /// The whole story.
    pub(super) fn timeline(&self) -> Result<Timeline, String> {
        let known = self.seen.endpoints().keys().cloned().collect();
        let timeline = Timeline::of(&self.seen, self.slo(), &known);
        let mut timeline = timeline.map_err(|error| error.to_string())?;
        for (at, text) in &self.marks {
            timeline.mark(*at, text);
        }
        Ok(timeline)
    }
}

/// One line for the reader.
pub(super) fn tell(line: &str) {
    // A reader that has gone is no reason to leave the service running.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// The heading of a chapter.
pub(super) fn heading(text: &str) {
    tell(&format!("\n{text}"));
}

/// Some lines, indented.
pub(super) fn tell_all(text: &str) {
    for line in text.lines() {
        tell(&format!("   {line}"));
    }
}
