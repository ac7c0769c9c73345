//! `plimsoll errors`.

mod explain;
mod list;
mod place;

use clap::Subcommand;

use super::Outcome;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the codes of a service
    List(list::List),
    /// Say what a code or a support reference means
    Explain(explain::Explain),
}

impl Command {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::List(list) => list.run(),
            Self::Explain(explain) => explain.run(),
        }
    }
}
