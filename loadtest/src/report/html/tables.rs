//! The tables of a run.

use plimsoll_slo::{Report, Verdict};

use super::{Chapter, badge, escape};
use crate::agreement::Agreement;
use crate::report::{BadRow, LoadReport, Severity};

/// A table of texts.
pub(super) fn table(caption: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| escape(cell)).collect())
        .collect();
    raw(caption, head, &rows)
}

/// A table of cells that are HTML already.
fn raw(caption: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("<tr>{}</tr>\n", cells.concat());
    let head = line(
        head.iter()
            .map(|cell| format!("<th>{}</th>", escape(cell)))
            .collect(),
    );
    let rows = rows
        .iter()
        .map(|row| line(row.iter().map(|cell| format!("<td>{cell}</td>")).collect()));
    let rows: String = rows.collect();
    let caption = escape(caption);
    format!(
        "<div class=\"scroll\"><table>\n<caption>{caption}</caption>\n{head}{rows}</table></div>\n"
    )
}

impl Chapter {
    /// Adds one view of the objectives.
    #[must_use]
    pub fn objectives(mut self, caption: &str, report: &Report) -> Self {
        let number = |number: Option<f64>, digits| {
            number.map_or_else(|| "–".to_owned(), |number| format!("{number:.digits$}"))
        };
        let rows: Vec<Vec<String>> = report
            .rows
            .iter()
            .map(|row| {
                let note = match &row.verdict {
                    Verdict::Inconclusive { needed } => format!("{needed} more requests needed"),
                    Verdict::Invalid { why } => escape(why),
                    _ => String::new(),
                };
                vec![
                    escape(&row.objective),
                    row.target.to_string(),
                    number(row.good, 0),
                    number(row.total, 0),
                    number(row.ratio, 4),
                    number(row.burn_rate, 2),
                    format!("{note} {}", badge(&row.verdict)),
                ]
            })
            .collect();
        let head = [
            "objective",
            "target",
            "good",
            "valid",
            "ratio",
            "burn rate",
            "verdict",
        ];
        self.body.push_str(&raw(caption, &head, &rows));
        self
    }

    /// Adds what was bad, by route and error code.
    #[must_use]
    pub fn bad(self, bad: &[BadRow]) -> Self {
        if bad.is_empty() {
            return self;
        }
        let cells = |row: &BadRow| {
            let BadRow {
                endpoint,
                outcome,
                error_code,
                blame,
                count,
            } = row;
            vec![
                endpoint.to_string(),
                outcome.clone(),
                error_code.clone(),
                blame.clone(),
                count.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = bad.iter().map(cells).collect();
        let head = ["endpoint", "outcome", "error code", "blame", "requests"];
        self.table(
            "What burned the budget, counted by the service",
            &head,
            &rows,
        )
    }

    /// Adds the numbers of each endpoint.
    #[must_use]
    pub fn endpoints(self, report: &LoadReport) -> Self {
        let head = [
            "endpoint",
            "requests",
            "bad",
            "not counted",
            "p50",
            "p95",
            "p99",
            "max",
            "p99 from sent",
            "answers",
        ];
        let rows: Vec<Vec<String>> = report
            .endpoints
            .iter()
            .map(|row| {
                let millis = |millis: f64| format!("{millis:.1}");
                let answers = row
                    .answers
                    .iter()
                    .map(|(answer, count)| format!("{answer}: {count}"));
                vec![
                    row.endpoint.to_string(),
                    row.requests.to_string(),
                    row.bad.to_string(),
                    row.excluded.to_string(),
                    millis(row.from_intended.p50_ms),
                    millis(row.from_intended.p95_ms),
                    millis(row.from_intended.p99_ms),
                    millis(row.from_intended.max_ms),
                    millis(row.from_sent.p99_ms),
                    answers.collect::<Vec<_>>().join(", "),
                ]
            })
            .collect();
        self.table(
            "Endpoints; milliseconds from the intended time",
            &head,
            &rows,
        )
    }

    /// Adds what client and service counted.
    #[must_use]
    pub fn agreement(self, agreement: &Agreement) -> Self {
        let rows: Vec<Vec<String>> = agreement
            .rows
            .iter()
            .map(|row| {
                let name = row
                    .endpoint
                    .as_ref()
                    .map_or_else(|| "all".to_owned(), ToString::to_string);
                let agrees = if row.agrees { "yes" } else { "no" };
                vec![
                    name,
                    row.answered.to_string(),
                    row.unanswered.to_string(),
                    row.finished.to_string(),
                    agrees.to_owned(),
                ]
            })
            .collect();
        let head = [
            "endpoint",
            "client: answered",
            "client: unanswered",
            "service: finished",
            "agree",
        ];
        self.table("Do client and service count the same?", &head, &rows)
    }

    /// Adds what bears on the verdict beside the objectives.
    #[must_use]
    pub fn findings(mut self, report: &LoadReport) -> Self {
        if report.findings.is_empty() {
            return self;
        }
        let item = |finding: &crate::report::Finding| {
            let word = match finding.severity {
                Severity::Note => "Note",
                Severity::Fail => "FAIL",
                Severity::Invalid => "INVALID",
            };
            format!(
                "<li><b>{word}</b>: {}; {}.</li>\n",
                escape(&finding.what),
                escape(&finding.fix)
            )
        };
        let items: String = report.findings.iter().map(item).collect();
        self.body.extend(["<ul>\n", &items, "</ul>\n"]);
        self
    }
}
