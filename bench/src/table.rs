//! Results as Markdown, between the markers of `bench/README.md`.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

use plimsoll_bench_ours::Fault;

use crate::results::Results;

const BEGIN: &str = "<!-- table: written by `make bench` -->";
const END: &str = "<!-- end of table -->";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The results as they were last written.
///
/// # Errors
///
/// When there are none, or not these.
pub fn read() -> Result<Results, Fault> {
    let text = std::fs::read_to_string(folder().join("results.json"))?;
    Ok(serde_json::from_str(&text)?)
}

/// The time, UTC, to the minute.
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Writes `results.json`, and the table into the README.
///
/// # Errors
///
/// When a file cannot be written, or the README lacks a marker.
pub fn write(results: &Results) -> Result<(), Fault> {
    let json = serde_json::to_string_pretty(results)?;
    std::fs::write(folder().join("results.json"), json + "\n")?;
    let path = folder().join("README.md");
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(path, replaced(&text, &markdown(results)?)?)?;
    Ok(())
}

fn replaced(text: &str, table: &str) -> Result<String, Fault> {
    let missing = |marker| format!("bench/README.md lacks the line {marker}");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(|| missing(BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| missing(END))?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

/// The tables of what was measured; what was not has none.
///
/// # Errors
///
/// Never: a string can be written to.
pub fn markdown(results: &Results) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(out, "\nTaken {} UTC.\n", results.taken)?;
    for (what, value) in &results.machine {
        writeln!(out, "- {what}: {value}")?;
    }
    if !results.counts.is_empty() {
        let head = format!(
            "Instructions (callgrind, N = {}) and heap allocations per request",
            results.requests
        );
        section(
            &mut out,
            &head,
            &[
                "row",
                "measured over",
                "instructions, all threads",
                "request's thread",
                "allocations, request's thread",
                "all threads",
            ],
            results.counts.iter().map(|row| {
                let added = &row.added;
                vec![
                    row.row.clone(),
                    row.over.clone(),
                    thousands(added.instructions_all),
                    thousands(added.instructions_own),
                    format!("{:.2}", added.allocations_own),
                    format!("{:.2}", added.allocations_all),
                ]
            }),
        )?;
    }
    if !results.time.is_empty() {
        let head = format!(
            "Processor time added to bare per request, in process, one core, {} rounds",
            results.rounds
        );
        section(
            &mut out,
            &head,
            &["stack", "ns: median (min-max)"],
            results
                .time
                .iter()
                .map(|time| vec![time.case.clone(), time.added_nanoseconds.show(0)]),
        )?;
    }
    if !results.throughput.is_empty() {
        let head = format!(
            "Under `wrk -t1 -c64`, service on one core, {} rounds: median (min-max)",
            results.rounds
        );
        section(
            &mut out,
            &head,
            &[
                "stack",
                "throughput kept",
                "kept by CPU per request",
                "requests/s",
                "CPU µs per request",
            ],
            results.throughput.iter().map(|row| {
                vec![
                    row.case.clone(),
                    row.kept.show(2),
                    row.kept_by_cpu.show(2),
                    row.per_second.show(0),
                    row.cpu_micros.show(2),
                ]
            }),
        )?;
    }
    if !results.latency.is_empty() {
        section(
            &mut out,
            "Time to an answer at 17,200 arrivals a second, from the intended time, in µs",
            &["stack", "p50", "p99", "p50 by bare's"],
            results.latency.iter().map(|row| {
                vec![
                    row.case.clone(),
                    row.p50_micros.show(0),
                    row.p99_micros.show(0),
                    row.p50_by_bare.show(2),
                ]
            }),
        )?;
    }
    if !results.memory.is_empty() {
        section(
            &mut out,
            "Resident memory in KiB",
            &["stack", "after requests", "KiB"],
            results.memory.iter().flat_map(|row| {
                let pairs = row.requests.iter().zip(&row.kib);
                pairs.map(|(requests, kib)| {
                    vec![
                        row.case.clone(),
                        thousands(*requests as f64),
                        thousands(*kib as f64),
                    ]
                })
            }),
        )?;
    }
    if let Some(limiters) = &results.limiter {
        crate::limiter::show(&mut out, limiters)?;
    }
    if let Some(shared) = &results.redis {
        crate::redis::show(&mut out, shared)?;
    }
    Ok(out)
}

pub(crate) fn section(
    out: &mut String,
    head: &str,
    columns: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> fmt::Result {
    writeln!(out, "\n### {head}\n")?;
    writeln!(out, "| {} |", columns.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(columns.len()))?;
    for row in rows {
        writeln!(out, "| {} |", row.join(" | "))?;
    }
    Ok(())
}

/// A whole number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    let sign = if number <= -0.5 { "-" } else { "" };
    format!("{sign}{text}")
}

/// What the numbers depend on.
///
/// # Errors
///
/// When the compiler or Valgrind cannot be asked.
pub fn machine() -> Result<Vec<(String, String)>, Fault> {
    let said = |program: &str, argument: &str| -> Result<String, Fault> {
        let output = Command::new(program).arg(argument).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().next().unwrap_or_default().to_owned())
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism()?;
    let lock = include_str!("../Cargo.lock");
    let version = |name: &str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split_once('"')?.0))
    };
    let versions: Vec<_> = VERSIONS.iter().filter_map(|name| version(name)).collect();
    Ok(vec![
        (
            "Machine".into(),
            format!("{model}, {cores} cores, {}", said("uname", "-sr")?),
        ),
        ("Compiler".into(), said("rustc", "--version")?),
        (
            "Profile".into(),
            "cargo's release profile: 16 codegen units, no LTO between crates".into(),
        ),
        ("Tools".into(), said("valgrind", "--version")?),
        ("Crates".into(), versions.join(", ")),
    ])
}

const VERSIONS: [&str; 13] = [
    "axum",
    "tokio",
    "hyper",
    "tracing-subscriber",
    "tracing-appender",
    "tracing-opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry-otlp",
    "axum-prometheus",
    "metrics-exporter-prometheus",
    "tower_governor",
    "sentry",
    "sentry-tower",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_zero_has_no_sign() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(-12_345.0), "-12,345");
        assert_eq!(thousands(-0.3), "0");
        assert_eq!(thousands(999.0), "999");
    }

    #[test]
    fn the_table_stands_between_the_markers_and_the_rest_stays() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&text, "new").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert!(replaced("a", "new").is_err());
    }
}
