//! What bears on the verdict beside the objectives.
//!
//! INVALID, because the measurement is at fault:
//! - service and client disagree about how many requests there were;
//! - the service did not come to rest, or its metrics could not be read afterwards;
//! - the generator's own lag decided: an objective's verdict is another one when
//!   latencies are taken without it. Lag that changes no verdict is only told;
//! - more than 5 % of the journeys began over half a second late: the service was
//!   never asked for the rate of the plan;
//! - an arrival of the schedule was not begun, a journey panicked, or nothing was sent.
//!
//! FAIL, because the service is: arrivals waited for a free slot to the very end.

use plimsoll_slo::{Report, Verdict};
use serde::Serialize;

use super::Observed;
use crate::agreement::Agreement;
use crate::stats::LATE;

/// Share of journeys that may begin late.
const MAX_LATE_SHARE: f64 = 0.05;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The service is at fault.
    Fail,
    /// The measurement is at fault.
    Invalid,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Finding {
    fn new(severity: Severity, what: String, fix: &str) -> Self {
        Self {
            severity,
            what,
            fix: fix.to_owned(),
        }
    }

    /// The verdict it asks for, if any.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.severity {
            Severity::Note => None,
            Severity::Fail => Some(Verdict::Fail),
            Severity::Invalid => Some(Verdict::Invalid {
                why: self.what.clone(),
            }),
        }
    }
}

/// Applies the rules.
pub(super) fn find(
    observed: &Observed<'_>,
    client: &Report,
    without_lag: &Report,
    agreement: &Agreement,
) -> Vec<Finding> {
    let mut found = service(observed, agreement);
    found.extend(generator(observed, client, without_lag));
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn service(observed: &Observed<'_>, agreement: &Agreement) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut invalid = |what: String, fix: &str| {
        found.push(Finding::new(Severity::Invalid, what, fix));
    };
    if let Err(why) = &observed.after {
        invalid(
            format!("the service's metrics could not be read after the run: {why}"),
            "see why the service ended; its log tells",
        );
    } else {
        if let Some(fault) = agreement.fault() {
            invalid(
                format!("client and service disagree: {fault}"),
                "let nobody else call the service, read the metrics of the very process that is \
                 called, and name requests by the service's route templates",
            );
        }
        if !observed.at_rest {
            invalid(
                "the service did not come to rest: its counters kept moving".to_owned(),
                "let nobody else call the service during the run",
            );
        }
    }
    found
}

fn generator(observed: &Observed<'_>, client: &Report, without_lag: &Report) -> Vec<Finding> {
    let Observed {
        stats,
        driven,
        plan,
        ..
    } = observed;
    let mut found = Vec::new();
    let mut add = |severity, what: String, fix: &str| found.push(Finding::new(severity, what, fix));

    if stats.overall().requests() == 0 {
        let fix = "run longer or faster; a scenario must make requests";
        add(Severity::Invalid, "no request was made".to_owned(), fix);
    }
    if stats.begun < driven.planned && !driven.stopped {
        let missing = driven.planned - stats.begun;
        let what = format!(
            "{missing} of {} planned arrivals were not begun",
            driven.planned
        );
        add(
            Severity::Invalid,
            what,
            "lower the rate, or give the generator more CPU",
        );
    }
    if stats.panicked > 0 {
        let what = format!("{} journeys panicked", stats.panicked);
        add(
            Severity::Invalid,
            what,
            "mend the scenario; its panic is printed above",
        );
    }
    if stats.late as f64 > MAX_LATE_SHARE * stats.begun as f64 {
        let (late, begun, limit) = (stats.late, stats.begun, LATE.as_millis());
        let what = format!("{late} of {begun} journeys began over {limit} ms late");
        add(
            Severity::Invalid,
            what,
            "lower the rate, or give the generator a core of its own",
        );
    }
    for (row, other) in client.rows.iter().zip(&without_lag.rows) {
        let (with, without) = (row.verdict.as_str(), other.verdict.as_str());
        if with != without {
            let objective = &row.objective;
            let what = format!(
                "the generator's own lag decided {objective}: {with} with it, {without} without"
            );
            add(
                Severity::Invalid,
                what,
                "give the generator a core of its own, and run again",
            );
        }
    }
    if stats.unsent > 0 && !driven.stopped {
        let (unsent, slots) = (stats.unsent, plan.max_in_flight);
        let what = format!("{unsent} arrivals waited for one of the {slots} slots to the end");
        add(
            Severity::Fail,
            what,
            "the service did not keep up, or --max-in-flight is too low for the rate",
        );
    } else if stats.waited > 0 {
        let (waited, longest) = (stats.waited, stats.longest_wait.as_millis());
        let what = format!(
            "{waited} arrivals waited for a slot, up to {longest} ms; the wait counts in their latency"
        );
        add(
            Severity::Note,
            what,
            "if the service has room for more, raise --max-in-flight",
        );
    }
    if stats.failed > 0 {
        let what = format!(
            "{} journeys broke off with an error of their own",
            stats.failed
        );
        add(
            Severity::Note,
            what,
            "their requests are counted as they came back",
        );
    }
    found
}
