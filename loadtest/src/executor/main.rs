//! A whole load test out of goose's scenarios.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use goose::goose::Scenario;

use super::GooseExecutor;
use crate::cli::{self, EXIT_CODES, RunArgs};

#[derive(Parser)]
#[command(about = "A load test with a verdict", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the scenarios as an open model and judge the service by its SLO file
    #[command(after_help = EXAMPLE)]
    Run(RunArgs),
}

const EXAMPLE: &str = "\
Example:
  run --url http://127.0.0.1:8080 --metrics http://127.0.0.1:8081/metrics \\
      --slo slo/specs/card-service.yaml --rate 200 --for 30s --report report.html

Exit codes: 0 PASS, 1 FAIL, 2 bad input, 3 INCONCLUSIVE, 4 INVALID, 130 interrupted.";

/// The command line for these scenarios; see `--help`.
///
/// ```no_run
/// use plimsoll_loadtest::goose::prelude::*;
///
/// async fn front(user: &mut GooseUser) -> TransactionResult {
///     user.get("/").await?;
///     Ok(())
/// }
///
/// fn main() -> std::process::ExitCode {
///     let front = scenario!("front").register_transaction(transaction!(front));
///     plimsoll_loadtest::main(vec![front])
/// }
/// ```
pub fn main(scenarios: Vec<Scenario>) -> ExitCode {
    let Command::Run(args) = Cli::parse().command;
    cli::run(&args, |plan| GooseExecutor::new(scenarios, &args.url, plan))
}
