//! `plimsoll errors lock`.

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use plimsoll_errors::lock::{Change, Lock};
use plimsoll_errors::{Catalog, PlmCode};

use super::place::{Place, Placed};
use crate::commands::Outcome;
use crate::output;

/// The lock beside a catalog.
pub(super) const FILE: &str = "errors.lock";

#[derive(Debug, Args)]
#[command(after_help = "\
A published code never goes away and never changes its number, reason, status,
gRPC status, blame, retry policy or SLO counting. To retire one, remove it from
the catalog and add a line below its own: CARD-1007 retired: why

Examples:
  plimsoll errors lock
  plimsoll errors lock --check --catalog examples/card-service/errors.json

Exit codes: 0 done, 1 stale or a published code changed, 2 usage or bad input.")]
pub(crate) struct LockArgs {
    #[command(flatten)]
    place: Place,
    /// The lock; else errors.lock beside the catalog, or in the working directory if that
    /// came from an address
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Which codes of the catalog; else those the lock has, or the service's own
    #[arg(long)]
    prefix: Option<String>,
    /// Write nothing; exit 1 unless every code is published
    #[arg(long)]
    check: bool,
}

impl LockArgs {
    pub(super) fn run(self) -> Outcome {
        let placed = self.place.find()?;
        let path = self.lock.clone().unwrap_or_else(|| beside(&placed));
        let text = read(&path)?;
        let before = Lock::parse(&text).map_err(|error| format!("{}, {error}", path.display()))?;
        let prefix = self.prefix(&placed.catalog, &before)?;
        let published = placed.catalog.published(&prefix);
        if published.is_empty() {
            return Err(format!("{} has no codes that begin with {prefix}", placed.name).into());
        }
        let changes = before.compare(&published);
        let broken = changes.iter().filter(|change| change.is_breaking());
        let told: Vec<_> = broken.map(ToString::to_string).collect();
        if !told.is_empty() {
            output::note(&format!(
                "{} stays as it is:\n{}",
                path.display(),
                told.join("\n")
            ));
            return Ok(output::FAIL.into());
        }
        let mut after = before;
        after.append(&published);
        let after = after.to_string();
        if after == text {
            return Ok(ExitCode::SUCCESS);
        }
        let news = news(&changes);
        if self.check {
            output::note(&format!(
                "{path} lacks {news}; write it with: plimsoll errors lock --prefix {prefix} \
                 --lock {path} --catalog {catalog}",
                path = path.display(),
                catalog = placed.name,
            ));
            return Ok(output::STALE.into());
        }
        fs::write(&path, after).map_err(|error| {
            format!(
                "{} cannot be written: {error}; check that its folder exists and is yours",
                path.display()
            )
        })?;
        output::note(&format!("{} now has {news}", path.display()));
        Ok(ExitCode::SUCCESS)
    }

    /// Whose codes: as asked, as in the lock, or the only catalog besides Plimsoll's.
    fn prefix(&self, catalog: &Catalog, lock: &Lock) -> Result<String, String> {
        match (&self.prefix, lock.prefix()) {
            (Some(asked), Some(there)) if asked != there => Err(format!(
                "the lock publishes {there}, not {asked}: each catalog has a lock of its own, \
                 name another one with --lock"
            )),
            (Some(asked), _) => Ok(asked.clone()),
            (None, Some(there)) => Ok(there.to_owned()),
            (None, None) => {
                let ours = PlmCode::RouteNotFound.code().prefix;
                let all = catalog.prefixes().into_iter();
                let services: Vec<_> = all.filter(|prefix| *prefix != ours).collect();
                match services[..] {
                    [only] => Ok(only.to_owned()),
                    _ => Err(format!(
                        "say whose codes with --prefix: the catalog has {}",
                        catalog.prefixes().join(", ")
                    )),
                }
            }
        }
    }
}

/// Where the lock of a catalog is unless told otherwise.
pub(super) fn beside(placed: &Placed) -> PathBuf {
    let file = placed.file.as_deref();
    file.map_or_else(|| PathBuf::from(FILE), |file| file.with_file_name(FILE))
}

/// A lock that is not there publishes nothing.
pub(super) fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        other => Ok(other.map_err(|error| format!("{} cannot be read: {error}", path.display()))?),
    }
}

fn news(changes: &[Change]) -> String {
    let codes: Vec<_> = changes.iter().map(Change::code).collect();
    if codes.is_empty() {
        return "its lines in the form in which they are written".into();
    }
    codes.join(", ")
}
