//! `plimsoll slo`.

mod check;
mod rules;

use clap::Subcommand;

use super::Outcome;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write Prometheus recording and alert rules
    Rules(rules::Rules),
    /// Judge a running service by its own metrics
    Check(check::Check),
}

impl Command {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Rules(rules) => rules.run(),
            Self::Check(check) => check.run(),
        }
    }
}
