//! The runner of our stacks, and the test of their budget.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use plimsoll_bench_ours::child::{self, RunArgs, ServeArgs};
use plimsoll_bench_ours::counting::Counting;
use plimsoll_bench_ours::stacks::STACKS;
use plimsoll_bench_ours::{Fault, budget};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What Plimsoll costs per request
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Call a stack in this process and print what it took
    Run(RunArgs),
    /// Serve a stack on the loopback until standard input ends
    Serve(ServeArgs),
    /// Compare our counts with bench/budget.toml; exit code 1 when one is over it
    Check(Requests),
    /// Write bench/budget.toml from our counts now
    Write(Requests),
}

#[derive(clap::Args)]
struct Requests {
    /// Requests of the shorter of each two runs
    #[arg(short = 'n', long, default_value_t = 2_000)]
    requests: u64,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(fault) => {
            say(&format!("plimsoll-bench-ours: {fault}"));
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Run(args) => child::run(STACKS, &args)?,
        Command::Serve(args) => child::serve(STACKS, &args)?,
        Command::Write(Requests { requests }) => {
            let text = budget::write(requests, &say)?;
            write!(std::io::stdout(), "{text}")?;
        }
        Command::Check(Requests { requests }) => {
            let verdict = budget::check(requests, &say)?;
            let mut out = std::io::stdout().lock();
            for line in &verdict.lines {
                writeln!(out, "{line}")?;
            }
            for fault in &verdict.faults {
                writeln!(out, "OVER: {fault}")?;
            }
            let (lines, over) = (verdict.lines.len(), verdict.faults.len());
            writeln!(
                out,
                "budget: {} passed, {over} failed",
                lines.saturating_sub(over)
            )?;
            return Ok(ExitCode::from(u8::from(over > 0)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// To standard error, which may be closed.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
