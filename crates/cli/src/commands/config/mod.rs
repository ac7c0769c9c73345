//! `plimsoll config`.

mod check;
mod place;
mod print;

use clap::Subcommand;

use super::Outcome;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find every fault in the settings file and the environment
    Check(check::Check),
    /// Show every setting, its value and where it comes from
    Print(print::Print),
}

impl Command {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Check(check) => check.run(),
            Self::Print(print) => print.run(),
        }
    }
}
