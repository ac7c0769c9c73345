//! A report as text in columns.

use rust_decimal::Decimal;

use super::{Report, Row};
use crate::judge::Verdict;

const HEAD: [&str; 8] = [
    "objective",
    "class",
    "target",
    "good",
    "total",
    "ratio",
    "burn",
    "verdict",
];
/// The first two and the last are words.
const LEFT: [usize; 3] = [0, 1, 7];

pub(super) fn render(report: &Report) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(report.rows.iter().map(cells));
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| rows.iter().map(|row| row[column].len()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.extend(report.rows.iter().filter_map(|row| {
        reason(&row.verdict).map(|reason| format!("{}: {reason}", row.objective))
    }));
    lines.push(format!("verdict: {}\n", report.verdict.as_str()));
    lines.join("\n")
}

fn line(cells: &[String; 8], widths: &[usize]) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(column, (cell, width))| pad(cell, *width, LEFT.contains(&column)))
        .collect();
    padded.join("  ").trim_end().to_owned()
}

fn pad(cell: &str, width: usize, left: bool) -> String {
    if left {
        format!("{cell:<width$}")
    } else {
        format!("{cell:>width$}")
    }
}

fn cells(row: &Row) -> [String; 8] {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let percent = |share: f64| format!("{:.3} %", share * 100.0);
    [
        row.objective.clone(),
        or_dash(row.class.clone()),
        (row.target * Decimal::ONE_HUNDRED).normalize().to_string() + " %",
        or_dash(row.good.map(|count| count.to_string())),
        or_dash(row.total.map(|count| count.to_string())),
        or_dash(row.ratio.map(percent)),
        or_dash(row.burn_rate.map(|rate| format!("{rate:.2}x"))),
        row.verdict.as_str().to_owned(),
    ]
}

fn reason(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Pass | Verdict::Fail => None,
        Verdict::Inconclusive { needed } => Some(format!(
            "not enough evidence, {needed} more requests are needed; measure longer or with more load"
        )),
        Verdict::Invalid { why } => Some(why.clone()),
    }
}
