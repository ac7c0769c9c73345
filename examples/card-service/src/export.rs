//! `card-service errors export`: the catalog as a file that is checked to be fresh.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use plimsoll::errors::CatalogError;

use crate::{cli::ExportArgs, codes};

/// Where an export ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exported {
    /// The catalog was written.
    Written,
    /// The file holds the catalog as it is now.
    Fresh,
    /// The file holds something else.
    Stale,
}

/// The catalog could not be exported. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Two catalogs share a code.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The file to check cannot be read.
    #[error("{} cannot be read; write it first: card-service errors export -o {}", .0.display(), .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The catalog cannot be written.
    #[error("{0} cannot be written; name a file in a folder that this user may write")]
    Write(String, #[source] io::Error),
}

/// Writes the catalog, or compares it with the file when asked to check.
///
/// # Errors
/// The file cannot be read or written.
pub fn export(args: &ExportArgs) -> Result<Exported, ExportError> {
    let catalog = codes::catalog()?.to_json();
    match &args.output {
        Some(path) if args.check => check(path, &catalog),
        Some(path) => fs::write(path, catalog)
            .map(|()| Exported::Written)
            .map_err(|source| ExportError::Write(path.display().to_string(), source)),
        None => io::stdout()
            .write_all(catalog.as_bytes())
            .map(|()| Exported::Written)
            .map_err(|source| ExportError::Write("standard output".into(), source)),
    }
}

fn check(path: &Path, catalog: &str) -> Result<Exported, ExportError> {
    let found = fs::read(path).map_err(|source| ExportError::Read(path.to_owned(), source))?;
    Ok(if found == catalog.as_bytes() {
        Exported::Fresh
    } else {
        Exported::Stale
    })
}
