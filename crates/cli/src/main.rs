//! The command `plimsoll`: SLO rules and checks, dashboards.
//!
//! Each command is a thin face on a library: it reads arguments, calls one
//! function and turns the result into text and an exit code.

mod commands;
mod output;
mod product;
mod progress;
mod span;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(exit) => ExitCode::from(exit),
        Err(failure) => {
            output::note(&format!("error: {failure}"));
            ExitCode::from(output::BAD_INPUT)
        }
    }
}
