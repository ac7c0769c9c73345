//! The command `plimsoll`: SLO rules and checks, load, error codes, settings, dashboards.
//!
//! Each command is a thin face on a library: it reads arguments, calls one
//! function and turns the result into text and an exit code.

mod commands;
mod fetch;
mod format;
mod output;
mod product;
mod progress;
mod span;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(exit) => exit,
        Err(failure) => {
            output::note(&format!("error: {failure}"));
            output::BAD_INPUT.into()
        }
    }
}
