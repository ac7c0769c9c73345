//! Generated files: printed, written, or compared with what is there.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::commands::Outcome;
use crate::output;

/// Where a generated text goes.
#[derive(Debug, Args)]
pub(crate) struct Destination {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Write nothing; exit 1 unless OUT is what would be written
    #[arg(long, requires = "output")]
    check: bool,
}

/// A generated text and how it was made.
pub(crate) struct Product<'a> {
    pub(crate) text: String,
    /// The command's words after `plimsoll`.
    pub(crate) command: &'static str,
    pub(crate) sources: &'a [PathBuf],
}

impl Destination {
    pub(crate) fn deliver(&self, product: &Product<'_>) -> Outcome {
        match &self.output {
            None => output::print(&product.text)?,
            Some(path) if self.check => return compare(product, path),
            Some(path) => fs::write(path, &product.text).map_err(|error| {
                format!(
                    "{} cannot be written: {error}; check that its folder exists and is yours",
                    path.display()
                )
            })?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn compare(product: &Product<'_>, path: &Path) -> Outcome {
    let found = match fs::read_to_string(path) {
        Ok(found) if found == product.text => return Ok(ExitCode::SUCCESS),
        Ok(found) => format!(
            "is stale from line {}",
            first_difference(&found, &product.text)
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "is missing".to_owned(),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display()).into()),
    };
    let mut again = format!("plimsoll {}", product.command);
    for source in product.sources {
        write!(again, " {}", source.display())?;
    }
    output::note(&format!(
        "{path} {found}; write it again with: {again} -o {path}",
        path = path.display()
    ));
    Ok(output::STALE.into())
}

/// Counted from 1.
fn first_difference(left: &str, right: &str) -> usize {
    1 + left
        .lines()
        .zip(right.lines())
        .take_while(|(left, right)| left == right)
        .count()
}
