//! `plimsoll errors explain`.

use std::process::ExitCode;

use clap::Args;
use plimsoll_errors::{Catalog, Found};
use serde_json::{Value, json};

use super::place::Place;
use crate::commands::Outcome;
use crate::format::Format;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "\
A support reference carries a check character: a mistyped one is refused, never
taken for another.

Examples:
  plimsoll errors explain CARD-1001
  plimsoll errors explain CARD_NOT_FOUND --catalog examples/card-service/errors.json
  plimsoll errors explain https://api.example.test/errors/CARD-1001
  plimsoll errors explain PLM-3004 --format json

Exit codes: 0 done, 2 usage or bad input.")]
pub(crate) struct Explain {
    /// A code, a reason, the `type` of an answer, or the `ref` that a client quotes
    #[arg(value_name = "CODE|REASON|URL|REF")]
    asked: String,
    #[command(flatten)]
    place: Place,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Explain {
    pub(super) fn run(self) -> Outcome {
        let catalog = self.place.read()?;
        let found = catalog.find(&self.asked)?;
        match self.format {
            Format::Table => output::print_headed(&found.to_string())?,
            Format::Json => output::print(&format!("{:#}\n", json(&catalog, &found)?))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The code as it stands in the catalog's document, and the reference if one was asked for.
fn json(catalog: &Catalog, found: &Found<'_>) -> serde_json::Result<Value> {
    let document: Value = serde_json::from_str(&catalog.to_json())?;
    let codes = document["codes"].as_array().into_iter().flatten();
    let code = codes
        .into_iter()
        .find(|code| code["code"] == found.entry.code);
    let reference = found.reference.as_ref().map(|reference| {
        json!({
            "ref": reference.to_string(),
            "trace_id_ends_in": reference.trace_tail(),
        })
    });
    Ok(json!({ "schema": 1, "code": code, "reference": reference }))
}
