//! `plimsoll config print`.

use std::process::ExitCode;

use clap::Args;
use plimsoll_core::settings::{Effective, effective, table};
use serde_json::{Value, json};

use super::place::{Place, Read};
use crate::commands::Outcome;
use crate::format::Format;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "\
Secrets are masked. A default is what holds unless the service's own code says
otherwise; file and environment stand above both.

Examples:
  plimsoll config print
  plimsoll config print --file deploy/plimsoll.toml --format json

Exit codes: 0 done (faults are told on standard error), 2 usage or bad input.")]
pub(crate) struct Print {
    #[command(flatten)]
    place: Place,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Print {
    pub(super) fn run(self) -> Outcome {
        let read = self.place.read()?;
        for fault in &read.faults {
            output::note(&format!("warning: {fault}"));
        }
        output::print(&match self.format {
            Format::Table => table(&all(&read)),
            Format::Json => format!("{:#}\n", json(&read)),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn all(read: &Read) -> Vec<Effective> {
    effective(&read.settings, &read.otel, |_| None)
}

fn json(read: &Read) -> Value {
    let settings: Vec<_> = all(read)
        .iter()
        .map(|it| {
            json!({
                "key": it.key,
                "variable": it.variable,
                "value": it.value,
                "default": it.default,
                "source": it.source,
                "secret": it.secret,
                "help": it.help,
            })
        })
        .collect();
    json!({ "schema": 1, "file": read.file, "settings": settings })
}
