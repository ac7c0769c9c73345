//! What a run found: numbers, both views, agreement, the verdict.
//!
//! The verdict is the worst of
//! 1. the *service's view*: the SLO file against what the service counted,
//! 2. the *client's view*: the same file against what the client measured,
//!    latency from the intended time,
//! 3. the [findings](Finding): service and client disagree, or the generator was
//!    at fault. See [`findings`] for the rules.

mod bad;
pub mod findings;
mod html;
mod table;
pub mod timeline;

use std::collections::BTreeMap;

use plimsoll_core::outcome::Slo;
use plimsoll_slo::exposition::ParseError;
use plimsoll_slo::{Exposition, Report, SloFile, Verdict, check};
use serde::Serialize;

pub use bad::{BadRow, between as bad_between};
pub use findings::{Finding, Severity};
pub use html::{Chapter, page};
pub use timeline::{Burn, Mark, Point, Timeline};

use crate::agreement::{self, Agreement};
use crate::engine::Driven;
use crate::evidence;
use crate::plan::Plan;
use crate::sample::Endpoint;
use crate::stats::{Counted, EndpointStats, Quantiles, Stats};

/// Version of the JSON form of [`LoadReport`]; grows by one when a field changes
/// its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// A run and what it says.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LoadReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The worst of views and findings; `needed` and `why` stand beside it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// What was called.
    pub url: String,
    /// What was to be done.
    pub plan: Plan,
    /// What became of the arrivals.
    pub arrivals: Arrived,
    /// By endpoint.
    pub endpoints: Vec<EndpointRow>,
    /// The SLO file against the service's own counters.
    pub server: Report,
    /// The SLO file against what the client measured from the intended time.
    pub client: Report,
    /// What the service counted as bad, by route and error code; most first.
    pub bad: Vec<BadRow>,
    /// Whether the two tell of the same requests.
    pub agreement: Agreement,
    /// What else bears on the verdict.
    pub findings: Vec<Finding>,
    /// All endpoints over time.
    pub timeline: Timeline,
}

/// What became of the arrivals.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Arrived {
    /// In the schedule.
    pub planned: u64,
    /// Journeys begun.
    pub begun: u64,
    /// Journeys that came to their end.
    pub finished: u64,
    /// Of these, journeys that broke off with an error of their own.
    pub failed: u64,
    /// Journeys begun much too late.
    pub late: u64,
    /// Journeys that waited for a free slot.
    pub waited: u64,
    /// Longest such wait.
    pub longest_wait_ms: f64,
    /// Journeys that got no slot before the end.
    pub unsent: u64,
    /// Journeys that the end cut.
    pub cut: u64,
    /// Journeys that panicked.
    pub panicked: u64,
    /// From arrival to the beginning of the journey: the generator's own lag.
    pub lag: Quantiles,
    /// From arrival to the end of the journey.
    pub journeys: Quantiles,
}

/// The numbers of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EndpointRow {
    /// Method and route.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// How many requests.
    pub requests: u64,
    /// Good ones.
    pub good: u64,
    /// Bad ones.
    pub bad: u64,
    /// Those an SLO doesn't count.
    pub excluded: u64,
    /// By status, or by why there is none.
    pub answers: BTreeMap<String, u64>,
    /// Intended to done.
    pub from_intended: Quantiles,
    /// Sent to done.
    pub from_sent: Quantiles,
    /// Intended to sent.
    pub delay: Quantiles,
}

/// What a run left behind, to be judged.
#[derive(Debug)]
pub struct Observed<'a> {
    /// What was called.
    pub url: &'a str,
    /// What was to be done.
    pub plan: &'a Plan,
    /// How it ended.
    pub driven: Driven,
    /// What the client measured.
    pub stats: &'a Stats,
    /// The service's metrics before.
    pub before: &'a Exposition,
    /// The service's metrics after, or why there are none.
    pub after: Result<&'a Exposition, String>,
    /// Whether the service was at rest for both.
    pub at_rest: bool,
}

impl LoadReport {
    /// Judges a run. Pure: the same observation gives the same report.
    ///
    /// # Errors
    /// The client's numbers can't be told as metrics.
    pub fn judge(observed: &Observed<'_>, slo: &SloFile) -> Result<Self, ParseError> {
        let Observed { stats, before, .. } = *observed;
        let after = observed.after.as_ref().map_or(before, |after| after);
        let known = evidence::endpoints(after);
        let zero = evidence::page(&BTreeMap::new(), &known)?;

        let server = check::between(slo, before, after);
        let client = check::between(slo, &zero, &view(stats, &known, |of| of.counted.clone())?);
        let without_lag = view(stats, &known, |of| Counted {
            reach: of.reach_without_lag,
            ..of.counted.clone()
        })?;
        let without_lag = check::between(slo, &zero, &without_lag);
        let agreement = agreement::compare(stats, before, after);
        let findings = findings::find(observed, &client, &without_lag, &agreement);

        let verdict = findings
            .iter()
            .filter_map(Finding::verdict)
            .chain([server.verdict.clone(), client.verdict.clone()])
            .fold(Verdict::Pass, Verdict::worse);
        Ok(Self {
            schema: SCHEMA,
            verdict,
            interrupted: observed.driven.stopped,
            url: observed.url.to_owned(),
            plan: *observed.plan,
            arrivals: Arrived::of(stats, observed.driven.planned),
            endpoints: stats.endpoints().iter().map(EndpointRow::of).collect(),
            server,
            client,
            bad: bad::between(before, after),
            agreement,
            findings,
            timeline: Timeline::of(stats, slo, &known)?,
        })
    }

    /// 130 when interrupted, else that of the verdict.
    pub const fn exit_code(&self) -> u8 {
        if self.interrupted {
            130
        } else {
            self.verdict.exit_code()
        }
    }

    /// For a terminal.
    pub fn table(&self) -> String {
        table::render(self)
    }

    /// One self-contained page with plots.
    pub fn html(&self) -> String {
        page("Load test", &[Chapter::new("Run").run(self)])
    }
}

/// What the client measured, as the service's metrics page would tell it.
fn view(
    stats: &Stats,
    known: &std::collections::BTreeSet<Endpoint>,
    counted: impl Fn(&EndpointStats) -> Counted,
) -> Result<Exposition, ParseError> {
    let endpoints = stats.endpoints().iter();
    evidence::page(
        &endpoints
            .map(|(name, stats)| (name, counted(stats)))
            .collect(),
        known,
    )
}

impl Arrived {
    fn of(stats: &Stats, planned: u64) -> Self {
        Self {
            planned,
            begun: stats.begun,
            finished: stats.finished,
            failed: stats.failed,
            late: stats.late,
            waited: stats.waited,
            longest_wait_ms: stats.longest_wait.as_secs_f64() * 1_000.0,
            unsent: stats.unsent,
            cut: stats.cut,
            panicked: stats.panicked,
            lag: stats.lag.quantiles(),
            journeys: stats.journeys.quantiles(),
        }
    }
}

impl EndpointRow {
    fn of((endpoint, stats): (&Endpoint, &EndpointStats)) -> Self {
        let answers = stats.answers.iter();
        Self {
            endpoint: endpoint.clone(),
            requests: stats.requests(),
            good: stats.counted.slo(Slo::Good),
            bad: stats.counted.slo(Slo::Bad),
            excluded: stats.counted.slo(Slo::Excluded),
            answers: answers
                .map(|(answer, count)| (answer.to_string(), *count))
                .collect(),
            from_intended: stats.from_intended.quantiles(),
            from_sent: stats.from_sent.quantiles(),
            delay: stats.delay.quantiles(),
        }
    }
}
