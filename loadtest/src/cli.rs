//! The command line that every load test shares: `run` and its flags.
//!
//! `plimsoll load run` and `plimsoll_loadtest::main(scenarios)` differ only in
//! where their journeys come from.

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::engine::Executor;
use crate::gate::{self, LoadError, Target};
use crate::plan::{MAX_LENGTH, Plan};
use crate::progress::Progress;
use crate::report::LoadReport;
use crate::schedule::{Arrivals, Rate};
use crate::stop::Stop;
use crate::tape::Recorder;

/// Bad input.
pub const USAGE: u8 = 2;
/// For `--help`.
pub const EXIT_CODES: &str =
    "Exit codes: 0 PASS, 1 FAIL, 2 bad input, 3 INCONCLUSIVE, 4 INVALID, 130 interrupted.";

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: a versioned schema.
    Json,
}

/// What to run, for how long, against what.
#[derive(Debug, Clone, Args)]
#[non_exhaustive]
pub struct RunArgs {
    /// Where requests go, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// The service's own metrics, such as http://127.0.0.1:8081/metrics
    #[arg(long, value_name = "URL")]
    pub metrics: String,
    /// SLO file in OpenSLO v1; may be given more than once
    #[arg(long, value_name = "FILE", required = true)]
    pub slo: Vec<PathBuf>,
    /// Journeys that arrive per second, whether or not the service keeps up
    #[arg(long, value_name = "PER_SECOND", default_value = "100")]
    pub rate: Rate,
    /// How long they arrive, such as 30s, 5m, 500ms
    #[arg(long = "for", value_name = "DURATION", default_value = "30s", value_parser = length)]
    pub length: Duration,
    /// The same seed gives the same arrivals and choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How arrivals are spread
    #[arg(long, value_enum, default_value_t)]
    pub arrivals: Arrivals,
    /// Journeys at a time; further ones wait, and their wait counts as latency
    #[arg(long, value_name = "N", default_value = "256")]
    pub max_in_flight: NonZeroU32,
    /// A request without an answer by then has failed
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = length)]
    pub timeout: Duration,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Also write a self-contained HTML report with plots
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

impl RunArgs {
    /// What they ask for.
    pub const fn plan(&self) -> Plan {
        Plan {
            arrivals: self.arrivals,
            seed: self.seed,
            max_in_flight: self.max_in_flight,
            timeout: self.timeout,
            drain: self.timeout.saturating_add(Duration::from_secs(2)),
            ..Plan::new(self.rate, self.length)
        }
    }
}

/// Reads a length such as `30s`, `5m`, `500ms`, `1h`; at most a day.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_loadtest::cli::length;
/// assert_eq!(length("1500ms"), Ok(Duration::from_millis(1500)));
/// assert_eq!(length("2m"), Ok(Duration::from_secs(120)));
/// assert!(length("30").is_err());
/// ```
///
/// # Errors
/// What is wrong with the text.
pub fn length(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let length = number
        .zip(millis)
        .and_then(|(number, millis)| number.checked_mul(millis));
    match length.map(Duration::from_millis) {
        Some(length) if !length.is_zero() && length <= MAX_LENGTH => Ok(length),
        _ => Err(
            "give a number and a unit, above zero and at most 24h, such as 30s, 5m or 500ms"
                .to_owned(),
        ),
    }
}

/// Runs a load test to its exit code: progress and errors on standard error,
/// the result on standard output. Ctrl-C ends the run early, prints what was seen
/// and gives 130.
///
/// `journeys` makes the executor; what it can't use is bad input.
pub fn run<E: Executor>(
    args: &RunArgs,
    journeys: impl FnOnce(&Plan) -> Result<E, LoadError>,
) -> ExitCode {
    match try_run(args, journeys) {
        Ok(report) => finish(args, &report),
        Err(why) => usage(&why),
    }
}

fn try_run<E: Executor>(
    args: &RunArgs,
    journeys: impl FnOnce(&Plan) -> Result<E, LoadError>,
) -> Result<LoadReport, String> {
    let slo = plimsoll_slo::load(&args.slo).map_err(|faults| faults.to_string())?;
    let plan = args.plan();
    let (url, metrics) = (args.url.clone(), args.metrics.clone());
    let target = Target { url, metrics, slo };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let executor = journeys(&plan).map_err(|error| error.to_string())?;
        let recorder = Recorder::new(plan.length);
        let stop = Stop::default();
        let interrupted = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                interrupted.stop();
            }
        });
        let _shown = (!args.quiet).then(|| Progress::start(recorder.clone(), plan.length));
        let report = gate::run(Arc::new(executor), &plan, &target, &recorder, &stop).await;
        report.map_err(|error| error.to_string())
    })
}

fn finish(args: &RunArgs, report: &LoadReport) -> ExitCode {
    if let Some(path) = &args.report
        && let Err(error) = fs::write(path, report.html())
    {
        return usage(&format!(
            "{} cannot be written: {error}; correct --report",
            path.display()
        ));
    }
    let text = match args.format {
        Format::Table => report.table(),
        Format::Json => match serde_json::to_string_pretty(report) {
            Ok(json) => json + "\n",
            Err(error) => return usage(&format!("the report cannot be told as JSON: {error}")),
        },
    };
    // A reader that has gone, as `head` does, changes no verdict.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::from(report.exit_code())
}

fn usage(why: &str) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "error: {why}");
    ExitCode::from(USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_needs_a_unit_and_an_end() {
        for text in [
            "",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "25h",
            "30 s",
            "1d",
            "99999999999999999999s",
        ] {
            assert!(length(text).is_err(), "{text}");
        }
        assert_eq!(length("24h"), Ok(Duration::from_hours(24)));
    }
}
