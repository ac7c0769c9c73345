//! Counts, time and memory in process.

use plimsoll_bench_ours::Fault;
use plimsoll_bench_ours::measure::{Bench, Case, How};
use plimsoll_bench_ours::rows::{self, OURS_ROWS, Row};
use plimsoll_bench_ours::workload::Events;

use crate::progress::Progress;
use crate::results::{Memory, RowCounts, Spread, Time};

/// Without anything around the handler.
pub const BARE: Case = Case::new("bare", 0.01);

/// What is compared as a whole, bare aside.
pub const WHOLE: [Case; 7] = [
    Case::new("ours", 0.01),
    Case::new("ours", 1.0),
    Case::new("ours-lean", 0.01),
    Case::new("ours-observe", 0.01),
    Case::new("careful", 0.01),
    Case::new("careful", 1.0),
    Case::new("lean", 0.01),
];

const CAREFUL: Case = Case::new("careful", 0.01);
const LEAN: Case = Case::new("lean", 0.01);

/// The peers', and what `Router::layer` costs anyone.
const PEERS_ROWS: &[Row] = &[
    Row::new("an identity layer", Case::new("identity", 0.01), BARE),
    Row::new("an empty layer with body", Case::new("wrapped", 0.01), BARE),
    Row::new("careful, 1 % sampled", CAREFUL, BARE),
    Row::new("careful, 100 % sampled", Case::new("careful", 1.0), BARE),
    Row::new("lean peer, 1 % sampled", LEAN, BARE),
    Row::new("lean peer, 100 % sampled", Case::new("lean", 1.0), BARE),
    Row::new("axum-prometheus", Case::new("peer-metrics", 0.01), BARE),
    Row::new("JSON line in a span", Case::new("peer-log", 0.01), BARE),
    Row::new("JSON line alone", Case::new("peer-plainlog", 0.01), BARE),
    Row::new(
        "tracing-opentelemetry, unsampled",
        Case::new("peer-trace", 0.0),
        BARE,
    ),
    Row::new(
        "tracing-opentelemetry, sampled",
        Case::new("peer-trace", 1.0),
        BARE,
    ),
    Row::new("sentry-tower", Case::new("peer-sentry", 0.01), BARE),
    Row::new("tower-http guards", Case::new("peer-guards", 0.01), BARE),
    Row::new("tower_governor", Case::new("peer-limit", 0.01), BARE),
    Row::new(
        "an info! event, careful",
        CAREFUL.with(Events::Info),
        CAREFUL,
    ),
    Row::new("an info! event, lean peer", LEAN.with(Events::Info), LEAN),
];

/// Instructions and allocations of every row; `only_ours` leaves the peers out.
///
/// # Errors
///
/// When a child fails or loses what it should pay for.
pub fn counts(bench: &Bench, requests: u64, only_ours: bool) -> Result<Vec<RowCounts>, Fault> {
    let peers: &[Row] = if only_ours { &[] } else { PEERS_ROWS };
    let all = [OURS_ROWS, peers].concat();
    let cases = rows::cases(&all);
    let progress = Progress::new("instructions", cases.len());
    let counted = rows::count_all(bench, &cases, requests, &|case| {
        progress.step(&case.to_string());
    })?;
    let row = |row: &Row| -> Result<RowCounts, Fault> {
        Ok(RowCounts {
            row: row.name.into(),
            case: row.case.to_string(),
            over: row.over.to_string(),
            added: rows::of(row, &counted)?,
        })
    };
    all.iter().map(row).collect()
}

/// Processor time per request of all threads, the last flush included, on one core.
///
/// # Errors
///
/// When a child fails or loses what it should pay for.
pub fn time(bench: &Bench, requests: u64, rounds: usize) -> Result<Vec<Time>, Fault> {
    let progress = Progress::new("time", rounds * (WHOLE.len() + 1));
    let mut added = vec![Vec::new(); WHOLE.len()];
    let how = How {
        under: &["taskset", "-c", "0"],
        ..How::default()
    };
    let nanoseconds = |case: &Case| -> Result<f64, Fault> {
        let done = bench.run(case, requests, how)?.done;
        progress.step(&case.to_string());
        Ok(done.cpu_nanoseconds as f64 / requests as f64)
    };
    for _ in 0..rounds {
        let bare = nanoseconds(&BARE)?;
        for (case, added) in WHOLE.iter().zip(&mut added) {
            added.push(nanoseconds(case)? - bare);
        }
    }
    let time = |(case, added): (&Case, Vec<f64>)| Time {
        case: case.to_string(),
        added_nanoseconds: Spread::of(added).unwrap_or_default(),
    };
    Ok(WHOLE.iter().zip(added).map(time).collect())
}

/// Resident memory after the counts of requests in `at`, with the queues of a service.
///
/// # Errors
///
/// When a child fails.
pub fn memory(bench: &Bench, at: [u64; 2]) -> Result<Vec<Memory>, Fault> {
    let mut cases = vec![BARE];
    cases.extend(WHOLE);
    let progress = Progress::new("memory", cases.len());
    let asked = at.map(|count| count.to_string()).join(",");
    let how = How {
        under: &[],
        with: &["--rss-at", &asked],
        may_lose: true,
    };
    let mut all = Vec::new();
    for case in &cases {
        let done = bench.run(case, at[1], how)?.done;
        progress.step(&case.to_string());
        all.push(Memory {
            case: case.to_string(),
            requests: at.to_vec(),
            kib: done.rss_kib,
        });
    }
    Ok(all)
}
