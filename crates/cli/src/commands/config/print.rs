//! `plimsoll config print`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use plimsoll_core::settings::{ALL, Setting, Settings, Source};
use serde_json::{Value, json};

use super::place::{Place, Read};
use crate::commands::Outcome;
use crate::format::Format;
use crate::output;

/// Stands for a secret that is set.
const MASK: &str = "********";

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
            Format::Table => table(&read.settings),
            Format::Json => format!("{:#}\n", json(&read)),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn shown<'a>(settings: &'a Settings, setting: &Setting) -> &'a str {
    match settings.get(setting.key) {
        Some(value) if setting.secret && !value.is_empty() => MASK,
        Some(value) => value,
        None => setting.default,
    }
}

fn source(settings: &Settings, setting: &Setting) -> &'static str {
    match settings.source(setting.key) {
        Some(Source::File) => "file",
        Some(Source::Env) => "environment",
        None => "default",
    }
}

fn variable(setting: &Setting) -> String {
    format!("PLIMSOLL_{}", setting.key.to_ascii_uppercase())
}

fn table(settings: &Settings) -> String {
    let width = |of: fn(&Settings, &Setting) -> usize| {
        ALL.iter().map(|setting| of(settings, setting)).max()
    };
    let keys = width(|_, setting| setting.key.len()).unwrap_or(0);
    let values = width(|settings, setting| shown(settings, setting).chars().count()).unwrap_or(0);
    let mut out = String::new();
    for setting in ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{:<keys$}  {:<values$}  {:<11}  {}",
            setting.key,
            shown(settings, setting),
            source(settings, setting),
            setting.help
        );
    }
    out
}

fn json(read: &Read) -> Value {
    let settings: Vec<_> = ALL
        .iter()
        .map(|setting| {
            json!({
                "key": setting.key,
                "variable": variable(setting),
                "value": shown(&read.settings, setting),
                "default": setting.default,
                "source": source(&read.settings, setting),
                "secret": setting.secret,
                "help": setting.help,
            })
        })
        .collect();
    json!({ "schema": 1, "file": read.file, "settings": settings })
}
