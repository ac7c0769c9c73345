//! Requests a second under wrk: the service on one core, wrk on the other.

use std::process::Command;

use plimsoll_bench_ours::Fault;
use plimsoll_bench_ours::measure::{Bench, Case};

use crate::measures::{BARE, WHOLE};
use crate::progress::Progress;
use crate::results::{Spread, Throughput};

/// One service in one round.
#[derive(Debug, Clone, Copy)]
struct Round {
    per_second: f64,
    cpu_micros: f64,
}

/// Where a service runs, and where what loads it.
pub(crate) const SERVICE_CORE: [&str; 3] = ["taskset", "-c", "0"];
/// As [`SERVICE_CORE`].
pub(crate) const LOAD_CORE: [&str; 3] = ["taskset", "-c", "1"];

/// Alternating rounds of all stacks, each judged against bare of the same round.
///
/// # Errors
///
/// When wrk is not there, a service fails, or an answer is not 200.
pub fn measure(bench: &Bench, rounds: usize, seconds: u64) -> Result<Vec<Throughput>, Fault> {
    let progress = Progress::new("throughput", rounds * (WHOLE.len() + 1));
    let mut all = vec![Vec::new(); WHOLE.len()];
    let round = |case: &Case| -> Result<Round, Fault> {
        let round = one(bench, case, seconds)?;
        progress.step(&case.to_string());
        Ok(round)
    };
    for _ in 0..rounds {
        let bare = round(&BARE)?;
        for (case, all) in WHOLE.iter().zip(&mut all) {
            all.push((round(case)?, bare));
        }
    }
    let summary = |(case, pairs): (&Case, Vec<(Round, Round)>)| {
        let spread = |of: &dyn Fn(&(Round, Round)) -> f64| {
            Spread::of(pairs.iter().map(of).collect()).unwrap_or_default()
        };
        Throughput {
            case: case.to_string(),
            kept: spread(&|(ours, bare)| ours.per_second / bare.per_second),
            kept_by_cpu: spread(&|(ours, bare)| bare.cpu_micros / ours.cpu_micros),
            per_second: spread(&|(ours, _)| ours.per_second),
            cpu_micros: spread(&|(ours, _)| ours.cpu_micros),
        }
    };
    Ok(WHOLE.iter().zip(all).map(summary).collect())
}

fn one(bench: &Bench, case: &Case, seconds: u64) -> Result<Round, Fault> {
    let server = bench.serve(case, &SERVICE_CORE)?;
    let url = format!("http://{}/cards/crd_0000001", server.address());
    wrk(&url, 1)?;
    let before = server.cpu()?;
    let requests = wrk(&url, seconds)?;
    let used = server.cpu()?.saturating_sub(before);
    Ok(Round {
        per_second: requests as f64 / seconds as f64,
        cpu_micros: used.as_secs_f64() * 1e6 / requests as f64,
    })
}

/// Runs wrk; returns how many requests were answered.
fn wrk(url: &str, seconds: u64) -> Result<u64, Fault> {
    let [tool, arguments @ ..] = LOAD_CORE;
    let output = Command::new(tool)
        .args(arguments)
        .args(["wrk", "-t1", "-c64"])
        .arg(format!("-d{seconds}s"))
        .arg(url)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let fault = |what: &str| Fault::from(format!("wrk: {what}: {said}; `make tools` installs it"));
    if !output.status.success() {
        return Err(fault("failed"));
    }
    if said.contains("Non-2xx") || said.contains("Socket errors") {
        return Err(fault("not every request was answered with 200"));
    }
    let line = said.lines().find(|line| line.contains(" requests in "));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    count.ok_or_else(|| fault("no count"))
}
