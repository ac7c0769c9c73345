//! `plimsoll errors list`.

use std::process::ExitCode;

use clap::Args;

use super::place::Place;
use crate::commands::Outcome;
use crate::format::Format;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  plimsoll errors list
  plimsoll errors list --catalog examples/card-service/errors.json --format json

Exit codes: 0 done, 2 usage or bad input.")]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl List {
    pub(super) fn run(self) -> Outcome {
        let catalog = self.place.read()?;
        output::print(&match self.format {
            Format::Table => catalog.list(),
            Format::Json => catalog.to_json(),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
