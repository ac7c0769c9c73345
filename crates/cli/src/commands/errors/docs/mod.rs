//! `plimsoll errors docs`.

mod folder;
mod html;
mod markdown;
mod words;

use std::path::PathBuf;

use clap::Args;

use super::place::Place;
use crate::commands::Outcome;

#[derive(Debug, Args)]
#[command(after_help = "\
Writes index.html, one page with all codes that needs no network, and Markdown: a
file for each code and README.md, their list. Files of codes that are gone are removed.

Examples:
  plimsoll errors docs -o target/errors
  plimsoll errors docs --catalog examples/card-service/errors.json -o examples/card-service/errors
  plimsoll errors docs --catalog examples/card-service/errors.json -o examples/card-service/errors --check

Exit codes: 0 written, or fresh; 1 stale; 2 usage or bad input.")]
pub(crate) struct Docs {
    #[command(flatten)]
    place: Place,
    /// The folder to write; made when absent
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write nothing; exit 1 unless DIR holds what would be written
    #[arg(long)]
    check: bool,
    /// The heading of the page and of the list
    #[arg(long, value_name = "TEXT", default_value = "Error codes")]
    title: String,
}

impl Docs {
    pub(super) fn run(self) -> Outcome {
        let catalog = self.place.read()?;
        let mut files = markdown::files(&self.title, catalog.entries());
        files.insert(
            "index.html".into(),
            html::page(&self.title, catalog.entries()),
        );
        if self.check {
            return Ok(folder::check(&self.output, &files));
        }
        folder::write(&self.output, &files)
    }
}
