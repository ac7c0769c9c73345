//! What is said about a stack: its counts over those of another.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::measure::{Bench, Case, How, Instructions};
use crate::workload::Events;

/// A case, and the case that is taken off its counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// What it is called in tables and in the budget.
    pub name: &'static str,
    /// What is measured.
    pub case: Case,
    /// What it is measured over.
    pub over: Case,
}

impl Row {
    /// A row.
    pub const fn new(name: &'static str, case: Case, over: Case) -> Self {
        Self { name, case, over }
    }
}

const BARE: Case = Case::new("bare", 0.01);
const IDENTITY: Case = Case::new("identity", 0.01);
const RECORD: Case = Case::new("ours-record", 0.01);
const ERRORS: Case = Case::new("ours-errors", 0.01);
const CONCURRENCY: Case = Case::new("ours-concurrency", 0.01);
const OURS: Case = Case::new("ours", 0.01);

/// Ours. A part is measured over the record that all of them share.
pub const OURS_ROWS: &[Row] = &[
    Row::new("default, 1 % sampled", OURS, BARE),
    Row::new("default, 100 % sampled", Case::new("ours", 1.0), BARE),
    Row::new(
        "observe, 1 % sampled",
        Case::new("ours-observe", 0.01),
        BARE,
    ),
    Row::new("lean, 1 % sampled", Case::new("ours-lean", 0.01), BARE),
    Row::new("record, ids and header", RECORD, BARE),
    Row::new("metrics", Case::new("ours-metrics", 0.01), RECORD),
    Row::new("access log line", Case::new("ours-log", 0.01), RECORD),
    Row::new("trace, unsampled", Case::new("ours-trace", 0.0), RECORD),
    Row::new(
        "trace, unsampled, lean",
        Case::new("ours-trace-lean", 0.0),
        RECORD,
    ),
    Row::new("trace, sampled", Case::new("ours-trace", 1.0), RECORD),
    Row::new(
        "Sentry without an error",
        Case::new("ours-sentry", 0.01),
        RECORD,
    ),
    Row::new(
        "catch-panic, error shape, timeout",
        Case::new("ours-guards", 0.01),
        RECORD,
    ),
    Row::new("error shape of a success", ERRORS, RECORD),
    Row::new(
        "error shape of a coded failure",
        ERRORS.with(Events::Coded),
        ERRORS.with(Events::Bare),
    ),
    Row::new("limit per client", Case::new("ours-limit", 0.01), RECORD),
    Row::new("concurrency limit", CONCURRENCY, RECORD),
    Row::new(
        "criticality and deadlines",
        Case::new("ours-overload", 0.01),
        CONCURRENCY,
    ),
    Row::new(
        "a probe's decision",
        Case::new("ours-probe", 0.01),
        IDENTITY,
    ),
    Row::new(
        "a probe's answer",
        Case::new("ours-probe-text", 0.01),
        IDENTITY,
    ),
    Row::new(
        "an application info! event with ids",
        OURS.with(Events::Info),
        OURS,
    ),
    Row::new("five DEBUG events", OURS.with(Events::Debug5), OURS),
];

/// Counts per request.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Instructions on the request's thread.
    pub instructions_own: f64,
    /// Instructions on all threads.
    pub instructions_all: f64,
    /// Allocations on the request's thread.
    pub allocations_own: f64,
    /// Allocations on all threads.
    pub allocations_all: f64,
}

impl std::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            instructions_own: self.instructions_own - other.instructions_own,
            instructions_all: self.instructions_all - other.instructions_all,
            allocations_own: self.allocations_own - other.allocations_own,
            allocations_all: self.allocations_all - other.allocations_all,
        }
    }
}

/// Counts of one case per request.
fn count(bench: &Bench, case: &Case, requests: u64) -> Result<Counts, Fault> {
    let Instructions { own, all } = bench.instructions(case, requests)?;
    let how = How {
        with: &["--count"],
        ..How::default()
    };
    let allocations = bench.run(case, requests, how)?.done.allocations;
    let per_request = |count: u64| count as f64 / requests as f64;
    Ok(Counts {
        instructions_own: own,
        instructions_all: all,
        allocations_own: per_request(allocations.own),
        allocations_all: per_request(allocations.all),
    })
}

/// The counts of each case, each measured once, on as many children at a time
/// as there are cores. `done` is told of each one that is ready.
///
/// # Errors
///
/// The first fault of any.
pub fn count_all(
    bench: &Bench,
    cases: &[Case],
    requests: u64,
    done: &(dyn Fn(&Case) + Sync),
) -> Result<Vec<(Case, Counts)>, Fault> {
    let open = Mutex::new(cases.to_vec());
    let counted = Mutex::new(Vec::new());
    let work = || -> Result<(), Fault> {
        loop {
            let next = open.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(case) = next else { return Ok(()) };
            let counts = count(bench, &case, requests)?;
            done(&case);
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.push((case, counts));
        }
    };
    let cores = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            let ended = worker.join();
            ended.unwrap_or_else(|_| Err("a measuring thread panicked".into()))
        })
    })?;
    Ok(counted.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The cases that rows are made of, each once.
pub fn cases(rows: &[Row]) -> Vec<Case> {
    let mut cases = Vec::new();
    for case in rows.iter().flat_map(|row| [row.over, row.case]) {
        if !cases.contains(&case) {
            cases.push(case);
        }
    }
    cases
}

/// A row's counts: those of its case less those of the one below.
///
/// # Errors
///
/// When one of them was not measured.
pub fn of(row: &Row, counted: &[(Case, Counts)]) -> Result<Counts, Fault> {
    let find = |wanted: &Case| {
        let found = counted.iter().find(|(case, _)| case == wanted);
        found.map(|(_, counts)| *counts)
    };
    let pair = find(&row.case).zip(find(&row.over));
    let (counts, over) = pair.ok_or_else(|| format!("{} was not measured", row.name))?;
    Ok(counts - over)
}
