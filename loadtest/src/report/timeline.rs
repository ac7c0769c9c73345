//! How it went over time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plimsoll_core::outcome::Slo;
use plimsoll_slo::exposition::ParseError;
use plimsoll_slo::{SloFile, check};
use serde::Serialize;

use crate::evidence;
use crate::sample::Endpoint;
use crate::stats::{Counted, Moment, Stats};

/// A burn rate at a moment is that of this many moments up to it.
const BURN_MOMENTS: usize = 5;

/// All endpoints, a point per moment; burn rates; marks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timeline {
    /// Seconds per point.
    pub moment_seconds: f64,
    /// In order, from the start.
    pub points: Vec<Point>,
    /// By objective.
    pub burn: Vec<Burn>,
    /// What happened meanwhile.
    pub marks: Vec<Mark>,
}

/// Requests that were meant to be sent within one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Point {
    /// How many.
    pub requests: u64,
    /// Good ones.
    pub good: u64,
    /// Bad ones.
    pub bad: u64,
    /// By status, or by why there is none.
    pub answers: BTreeMap<String, u64>,
    /// Latency from intended; `None` without requests.
    pub p50_ms: Option<f64>,
    /// 95 % are at most this.
    pub p95_ms: Option<f64>,
    /// 99 % are at most this.
    pub p99_ms: Option<f64>,
}

/// Burn rate of one objective, as the client saw it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Burn {
    /// Name of the objective.
    pub objective: String,
    /// One per point: bad share over error budget in the last moments up to it;
    /// `None` when nothing was counted.
    pub rates: Vec<Option<f64>>,
}

/// Something that happened: a fault on, a fault off.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// Since the start.
    pub at_seconds: f64,
    /// A few words.
    pub text: String,
}

impl Timeline {
    /// Of a run.
    ///
    /// # Errors
    /// The numbers can't be told as metrics.
    pub fn of(
        stats: &Stats,
        slo: &SloFile,
        known: &BTreeSet<Endpoint>,
    ) -> Result<Self, ParseError> {
        let moments = stats.total().moments;
        Ok(Self {
            moment_seconds: stats.width().as_secs_f64(),
            burn: burn(stats, slo, known, moments.len())?,
            points: moments.iter().map(Point::of).collect(),
            marks: Vec::new(),
        })
    }
}

impl Timeline {
    /// Marks what happened at `at` since the start.
    pub fn mark(&mut self, at: Duration, text: &str) {
        self.marks.push(Mark {
            at_seconds: at.as_secs_f64(),
            text: text.to_owned(),
        });
    }
}

impl Point {
    fn of(moment: &Moment) -> Self {
        let answers = moment.answers.iter();
        Self {
            requests: moment.requests(),
            good: moment.counted.slo(Slo::Good),
            bad: moment.counted.slo(Slo::Bad),
            answers: answers
                .map(|(answer, count)| (answer.to_string(), *count))
                .collect(),
            p50_ms: moment.quantile_ms(0.5),
            p95_ms: moment.quantile_ms(0.95),
            p99_ms: moment.quantile_ms(0.99),
        }
    }
}

/// Judges the SLO file on each stretch of moments, so that whatever it counts
/// has a burn rate over time.
fn burn(
    stats: &Stats,
    slo: &SloFile,
    known: &BTreeSet<Endpoint>,
    moments: usize,
) -> Result<Vec<Burn>, ParseError> {
    let zero = evidence::page(&BTreeMap::new(), known)?;
    let names = slo
        .objectives
        .iter()
        .map(|objective| objective.name.clone());
    let mut burn: Vec<Burn> = names
        .map(|objective| Burn {
            objective,
            rates: Vec::with_capacity(moments),
        })
        .collect();
    for moment in 0..moments {
        let stretch = moment.saturating_sub(BURN_MOMENTS - 1)..=moment;
        let counted = stats.endpoints().iter().map(|(endpoint, stats)| {
            let mut counted = Counted::default();
            for moment in stats
                .moments
                .iter()
                .take(stretch.end() + 1)
                .skip(*stretch.start())
            {
                counted.merge(&moment.counted);
            }
            (endpoint, counted)
        });
        let page = evidence::page(&counted.collect(), known)?;
        let report = check::between(slo, &zero, &page);
        for (burn, row) in burn.iter_mut().zip(report.rows) {
            burn.rates.push(row.burn_rate);
        }
    }
    Ok(burn)
}
