//! `plimsoll errors`.

mod coverage;
mod diff;
mod docs;
mod explain;
mod list;
mod lock;
mod place;
mod seen;

use clap::Subcommand;

use super::Outcome;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the codes of a service
    List(list::List),
    /// Say which codes a run of the tests has seen; fail if one is missing
    Coverage(coverage::CoverageArgs),
    /// Write a page and Markdown that tell of every code
    Docs(docs::Docs),
    /// Say what a code or a support reference means
    Explain(explain::Explain),
    /// Publish the codes that errors.lock does not have yet
    Lock(lock::LockArgs),
    /// Say what changed since a commit; fail if that breaks what was published
    Diff(diff::DiffArgs),
}

impl Command {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::List(list) => list.run(),
            Self::Coverage(coverage) => coverage.run(),
            Self::Docs(docs) => docs.run(),
            Self::Explain(explain) => explain.run(),
            Self::Lock(lock) => lock.run(),
            Self::Diff(diff) => diff.run(),
        }
    }
}
