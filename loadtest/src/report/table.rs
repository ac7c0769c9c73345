//! A report for a terminal.

use std::fmt::Write;

use super::{EndpointRow, LoadReport, Severity};

/// Verdict last, where a reader of a log looks.
pub(super) fn render(report: &LoadReport) -> String {
    let mut text = String::new();
    // Writing to a String doesn't fail.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &LoadReport) -> std::fmt::Result {
    let LoadReport { plan, arrivals, .. } = report;
    writeln!(
        text,
        "{} arrivals at {}/s on {}, seed {}: {} journeys finished, {} cut, {} not sent",
        arrivals.begun,
        plan.rate,
        report.url,
        plan.seed,
        arrivals.finished,
        arrivals.cut,
        arrivals.unsent
    )?;
    let lag = arrivals.lag;
    writeln!(
        text,
        "generator lag ms: p50 {:.2}, p99 {:.2}, max {:.2}\n",
        lag.p50_ms, lag.p99_ms, lag.max_ms
    )?;
    let width = report
        .endpoints
        .iter()
        .map(|row| row.endpoint.to_string().len());
    let width = width.max().unwrap_or(0).max(8);
    writeln!(
        text,
        "{:width$} {:>8} {:>6} {:>6}   from intended, ms: p50      p95      p99 | from sent: p99  answers",
        "endpoint", "requests", "bad", "excl."
    )?;
    for row in &report.endpoints {
        write_row(text, row, width)?;
    }
    for row in &report.bad {
        writeln!(text, "bad: {row}")?;
    }
    writeln!(text, "\nseen by the service\n{}", report.server.table())?;
    writeln!(
        text,
        "seen by the client, from the intended time\n{}",
        report.client.table()
    )?;
    let counted = report.agreement.rows.last();
    let (answered, finished) = counted.map_or((0, 0), |sum| (sum.answered, sum.finished));
    let agrees = if report.agreement.agrees {
        "agree"
    } else {
        "DISAGREE"
    };
    writeln!(
        text,
        "counts {agrees}: client {answered} answered, service {finished} finished"
    )?;
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Fail => "FAIL",
            Severity::Invalid => "INVALID",
        };
        writeln!(text, "{severity}: {}; {}", finding.what, finding.fix)?;
    }
    let stopped = if report.interrupted {
        " (interrupted)"
    } else {
        ""
    };
    writeln!(text, "\nverdict: {}{stopped}", report.verdict.as_str())
}

fn write_row(text: &mut String, row: &EndpointRow, width: usize) -> std::fmt::Result {
    let answers = row
        .answers
        .iter()
        .map(|(answer, count)| format!("{answer}: {count}"));
    writeln!(
        text,
        "{:width$} {:>8} {:>6} {:>6} {:>24.2} {:>8.2} {:>8.2} | {:>14.2}  {}",
        row.endpoint.to_string(),
        row.requests,
        row.bad,
        row.excluded,
        row.from_intended.p50_ms,
        row.from_intended.p95_ms,
        row.from_intended.p99_ms,
        row.from_sent.p99_ms,
        answers.collect::<Vec<_>>().join(", "),
    )
}
