//! The chapters under load.

mod fault;
mod recovery;
mod shutdown;
mod steady;

pub(super) use fault::fault;
pub(super) use recovery::recovery;
pub(super) use shutdown::shutdown;
pub(super) use steady::steady;

use crate::report::{Finding, LoadReport};

/// Whether the verdict is the one that was to be shown.
fn expect(report: &LoadReport, verdict: &str) -> Result<(), String> {
    let found = report.verdict.as_str();
    if found == verdict {
        return Ok(());
    }
    let why: Vec<&str> = report
        .findings
        .iter()
        .map(|Finding { what, .. }| what.as_str())
        .collect();
    let why = if why.is_empty() {
        "see the table above".to_owned()
    } else {
        why.join("; ")
    };
    Err(format!("{found} instead of {verdict}: {why}"))
}

/// What a chapter's run adds up to, in one line.
fn summary(report: &LoadReport) -> String {
    let requests: u64 = report.endpoints.iter().map(|row| row.requests).sum();
    let bad: u64 = report.endpoints.iter().map(|row| row.bad).sum();
    let agree = if report.agreement.agrees {
        "agree"
    } else {
        "DISAGREE"
    };
    format!(
        "{} visitors, {requests} requests, {bad} bad; client and service {agree} on the count",
        report.arrivals.finished
    )
}
