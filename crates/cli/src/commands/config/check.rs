//! `plimsoll config check`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::place::{Place, Read};
use crate::commands::Outcome;
use crate::format::Format;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "\
A service only warns of these faults and runs on with the value below; --strict is
for pipelines, where a fault should stop the deployment.

Examples:
  plimsoll config check
  plimsoll config check --file deploy/plimsoll.toml --strict

Exit codes: 0 no fault, or warnings without --strict; 2 faults with --strict, usage or bad input.")]
pub(crate) struct Check {
    #[command(flatten)]
    place: Place,
    /// Exit 2 if there is any fault
    #[arg(long)]
    strict: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        let read = self.place.read()?;
        output::print(&match self.format {
            Format::Table => table(&read),
            Format::Json => format!("{:#}\n", json(&read)),
        })?;
        Ok(if self.strict && !read.faults.is_empty() {
            output::BAD_INPUT.into()
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn table(read: &Read) -> String {
    let file = read.file.as_ref();
    let file = file.map_or("no file".to_owned(), |file| file.display().to_string());
    let count = read.faults.len();
    let faults = if count == 1 { "fault" } else { "faults" };
    let mut out = format!("{count} {faults} in {file} and the environment\n");
    for fault in &read.faults {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {fault}");
    }
    out
}

fn json(read: &Read) -> serde_json::Value {
    let faults: Vec<_> = read
        .faults
        .iter()
        .map(|fault| json!({ "setting": fault.setting, "problem": fault.problem }))
        .collect();
    json!({ "schema": 1, "file": read.file, "faults": faults })
}
