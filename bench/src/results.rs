//! What was measured, as it stands in `results.json`.

use plimsoll_bench_ours::rows::Counts;
use serde::{Deserialize, Serialize};

use crate::limiter::Limiters;
use crate::redis::Shared;

/// A median and the least and most of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of some numbers; `None` of none.
    pub fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let (min, max) = (*numbers.first()?, *numbers.last()?);
        let middle = numbers.len() / 2;
        let median = if numbers.len() % 2 == 1 {
            numbers[middle]
        } else {
            f64::midpoint(numbers[middle - 1], numbers[middle])
        };
        Some(Self { median, min, max })
    }

    /// With so many decimals: the median, and the least and most in brackets.
    pub fn show(&self, decimals: usize) -> String {
        let Self { median, min, max } = self;
        format!("{median:.decimals$} ({min:.decimals$}-{max:.decimals$})")
    }
}

/// Counts of a row, over what it is measured over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RowCounts {
    /// The row's name.
    pub row: String,
    /// What is measured.
    pub case: String,
    /// What it is measured over.
    pub over: String,
    /// The difference, per request.
    pub added: Counts,
}

/// Time of all threads on a processor, per request, over bare of the same round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Time {
    /// What is measured.
    pub case: String,
    /// Nanoseconds added to bare.
    pub added_nanoseconds: Spread,
}

/// A service under wrk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Throughput {
    /// What is measured.
    pub case: String,
    /// Requests a second, by those of bare in the same round.
    pub kept: Spread,
    /// Bare's processor time per request, by the service's, in the same round.
    pub kept_by_cpu: Spread,
    /// Requests a second.
    pub per_second: Spread,
    /// The service's processor time per request, in microseconds.
    pub cpu_micros: Spread,
}

/// A service at a fixed rate of arrivals.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Latency {
    /// What is measured.
    pub case: String,
    /// Half of the answers were there, in microseconds from the intended time.
    pub p50_micros: Spread,
    /// 99 of 100 were.
    pub p99_micros: Spread,
    /// p50 by that of bare in the same round.
    pub p50_by_bare: Spread,
}

/// Resident memory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
    /// What is measured.
    pub case: String,
    /// After how many requests.
    pub requests: Vec<u64>,
    /// How much, in KiB.
    pub kib: Vec<u64>,
}

/// One run of everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Results {
    /// When, UTC.
    pub taken: String,
    /// Where and of which versions.
    pub machine: Vec<(String, String)>,
    /// Requests of the shorter of each two callgrind runs.
    pub requests: u64,
    /// Rounds of time, throughput and latency.
    pub rounds: usize,
    /// Instructions and allocations.
    pub counts: Vec<RowCounts>,
    /// Time in process.
    pub time: Vec<Time>,
    /// Under wrk.
    pub throughput: Vec<Throughput>,
    /// At a fixed rate.
    pub latency: Vec<Latency>,
    /// Resident memory.
    pub memory: Vec<Memory>,
    /// Limits beside another limiter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limiter: Option<Limiters>,
    /// Limits that processes share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<Shared>,
}
