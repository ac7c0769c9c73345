//! `plimsoll errors diff`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use plimsoll_errors::Catalog;
use plimsoll_errors::catalog::{Difference, Kind, State};
use plimsoll_errors::lock::Lock;
use serde_json::json;

use super::lock;
use super::place::Place;
use crate::commands::Outcome;
use crate::format::Format;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "\
Compares the catalog and the errors.lock beside it with what both were at a
commit. Codes may be added or, by a line in the lock, retired; texts, owners,
runbooks and waits may change. Everything else breaks what was published, even
if the lock was edited to let it pass.

Examples:
  plimsoll errors diff --base origin/main
  plimsoll errors diff --base v1.4.0 --catalog examples/card-service/errors.json --format json

Exit codes: 0 nothing broken, 1 a published code changed or is gone, 2 usage or bad input.")]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    place: Place,
    /// The commit to compare with, as git names it
    #[arg(long, value_name = "REV")]
    base: String,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl DiffArgs {
    pub(super) fn run(self) -> Outcome {
        let placed = self.place.find()?;
        let Some(file) = &placed.file else {
            let told = "name a file of a git repository with --catalog: the base is read from it";
            return Err(told.into());
        };
        let base = state_at(&self.base, file)?;
        if base.catalog.is_none() {
            output::note(&format!("{} has no {}", self.base, file.display()));
        }
        let path = lock::beside(&placed);
        let now = State {
            lock: parsed(&lock::read(&path)?, &path.display().to_string())?,
            catalog: Some(placed.catalog),
        };
        let differences = now.differences(&base);
        output::print(&match self.format {
            Format::Table => table(&differences),
            Format::Json => format!("{:#}\n", self.json(&differences)),
        })?;
        let broken = differences.iter().any(|it| it.kind == Kind::Broken);
        if broken {
            return Ok(output::FAIL.into());
        }
        Ok(ExitCode::SUCCESS)
    }

    fn json(&self, differences: &[Difference]) -> serde_json::Value {
        let differences = differences
            .iter()
            .map(|it| json!({ "kind": it.kind.as_str(), "code": it.code, "told": it.told }));
        json!({ "schema": 1, "base": self.base, "differences": differences.collect::<Vec<_>>() })
    }
}

fn table(differences: &[Difference]) -> String {
    let mut out = String::new();
    for Difference { kind, told, .. } in differences {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:<8} {told}", kind.as_str());
    }
    out
}

/// What stood in `file` and in the lock beside it at a commit.
fn state_at(base: &str, file: &Path) -> Result<State, Box<dyn Error>> {
    let parent = file.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let commit = format!("{base}^{{commit}}");
    let words = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
    let Some(commit) = git(folder, &[&words[..], &[&commit]].concat())? else {
        return Err(format!(
            "{base} is no commit of a git repository at {}; fetch it first, or name one that \
             `git log` shows",
            folder.display()
        )
        .into());
    };
    let commit = commit.trim();
    let show = |name: &str| git(folder, &["show", &format!("{commit}:./{name}")]);
    let catalog = show(&name)?.map(|text| Catalog::from_json(&text));
    let catalog = catalog
        .transpose()
        .map_err(|error| format!("{base}:{}: {error}", file.display()))?;
    let lock = show(lock::FILE)?.unwrap_or_default();
    let path: PathBuf = file.with_file_name(lock::FILE);
    Ok(State {
        lock: parsed(&lock, &format!("{base}:{}", path.display()))?,
        catalog,
    })
}

fn parsed(text: &str, name: &str) -> Result<Lock, String> {
    Lock::parse(text).map_err(|error| format!("{name}, {error}"))
}

/// What git prints, or `None` if it has no such thing.
fn git(folder: &Path, words: &[&str]) -> Result<Option<String>, String> {
    let mut git = Command::new("git");
    let output = git.arg("-C").arg(folder).args(words).output();
    let output = output.map_err(|error| format!("git cannot be started: {error}; install it"))?;
    if !output.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8(output.stdout);
    Ok(Some(
        text.map_err(|_| "git printed no UTF-8 text".to_owned())?,
    ))
}
