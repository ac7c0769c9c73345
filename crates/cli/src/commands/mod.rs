//! The commands, one module for each noun.

mod config;
mod cost;
mod dashboards;
mod errors;
mod load;
mod slo;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The exit code, or why the command could not do its work (exit code 2).
pub(crate) type Outcome = Result<ExitCode, Box<dyn Error>>;

/// One SLO file decides: rules for the pager, verdicts for the gate, dashboards.
///
/// And what an operator asks: which settings hold, what an error code means.
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done or PASS, 1 FAIL or stale, 2 usage or bad input, \
                  3 INCONCLUSIVE, 4 INVALID, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Service level objectives: rules for Prometheus, a check of a running service
    #[command(subcommand)]
    Slo(slo::Command),
    /// Load with a verdict
    #[command(subcommand)]
    Load(load::Command),
    /// The error codes of a service
    #[command(subcommand)]
    Errors(errors::Command),
    /// The settings of a service: plimsoll.toml and PLIMSOLL_*
    #[command(subcommand)]
    Config(config::Command),
    /// What its telemetry costs a service: series, log bytes, span bytes
    Cost(cost::Cost),
    /// Dashboards for Grafana
    #[command(subcommand)]
    Dashboards(dashboards::Command),
}

impl Cli {
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::Slo(command) => command.run(),
            Command::Load(command) => Ok(command.run()),
            Command::Errors(command) => command.run(),
            Command::Config(command) => command.run(),
            Command::Cost(command) => command.run(),
            Command::Dashboards(command) => command.run(),
        }
    }
}
