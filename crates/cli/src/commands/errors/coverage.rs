//! `plimsoll errors coverage`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::place::Place;
use super::seen::{self, Coverage};
use crate::commands::Outcome;
use crate::format::Format;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "\
A run of the tests, `PLIMSOLL_ERRORS_SEEN=$PWD/target/errors-seen cargo test`, appends
to that file each code that was answered, with its route; the path is absolute, for
tests and the processes they start have folders of their own. A code that no test can bring about says why in the
catalog: `untested: \"..\"`. Plimsoll's own codes (PLM) are not asked for, unless
with --all: its own tests bring them about.

Examples:
  plimsoll errors coverage --seen target/errors-seen
  plimsoll errors coverage --seen target/errors-seen --catalog examples/card-service/errors.json

Exit codes: 0 every code was seen or says why not, 1 a code was never seen, 2 usage or bad input.")]
pub(crate) struct CoverageArgs {
    #[command(flatten)]
    place: Place,
    /// What the run of the tests wrote
    #[arg(long, value_name = "FILE")]
    seen: PathBuf,
    /// Ask for Plimsoll's own codes too
    #[arg(long)]
    all: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// The prefix of Plimsoll's own catalog.
const OWN: &str = "PLM-";

impl CoverageArgs {
    pub(super) fn run(self) -> Outcome {
        let catalog = self.place.read()?;
        let seen = seen::read(&self.seen)?;
        let asked_for = catalog
            .entries()
            .iter()
            .filter(|entry| self.all || !entry.code.starts_with(OWN));
        let coverage = Coverage::of(asked_for, &seen);
        output::print(&match self.format {
            Format::Table => coverage.to_string(),
            Format::Json => format!("{:#}\n", coverage.to_json()),
        })?;
        Ok(if coverage.is_whole() {
            ExitCode::SUCCESS
        } else {
            output::FAIL.into()
        })
    }
}
