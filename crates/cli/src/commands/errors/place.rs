//! Where the catalog is.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::Args;
use plimsoll_errors::Catalog;

use crate::fetch;

/// What is looked for when nothing is named.
const FILE: &str = "errors.json";

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The catalog, as the service's `errors export` writes it; else the nearest
    /// errors.json from the working directory upward
    #[arg(long, value_name = "FILE|URL")]
    catalog: Option<String>,
}

/// A catalog and where it was found.
pub(super) struct Placed {
    pub(super) catalog: Catalog,
    /// As it is named in messages.
    pub(super) name: String,
    /// Its file, unless it came from an address.
    pub(super) file: Option<PathBuf>,
}

impl Place {
    pub(super) fn read(&self) -> Result<Catalog, Box<dyn Error>> {
        Ok(self.find()?.catalog)
    }

    pub(super) fn find(&self) -> Result<Placed, Box<dyn Error>> {
        let (name, text, file) = match &self.catalog {
            Some(url) if url.contains("://") => (url.clone(), fetch::text(url)?, None),
            Some(file) => (file.clone(), file_text(Path::new(file))?, Some(file.into())),
            None => {
                let path = upward()?;
                (path.display().to_string(), file_text(&path)?, Some(path))
            }
        };
        let catalog = Catalog::from_json(&text).map_err(|error| format!("{name}: {error}"))?;
        Ok(Placed {
            catalog,
            name,
            file,
        })
    }
}

fn file_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| {
        format!(
            "{} cannot be read: {error}; name the file that the service's `errors export` wrote, or its http address",
            path.display()
        )
    })
}

fn upward() -> Result<PathBuf, Box<dyn Error>> {
    let here = env::current_dir()?;
    let found = here
        .ancestors()
        .map(|folder| folder.join(FILE))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        format!(
            "no {FILE} in {} or above; write one with the service's `errors export -o {FILE}`, or name one with --catalog",
            here.display()
        )
        .into()
    })
}
