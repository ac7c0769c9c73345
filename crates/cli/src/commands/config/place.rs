//! Where settings are read: as a service in the same place would.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap::Args;
use plimsoll_core::otel::Otel;
use plimsoll_core::settings::{FILE, FILE_VARIABLE, Fault, Settings};

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The settings file [default: PLIMSOLL_CONFIG, else plimsoll.toml if there is one]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What was read.
pub(super) struct Read {
    pub(super) settings: Settings,
    pub(super) otel: Otel,
    /// All at once; the values below them hold.
    pub(super) faults: Vec<Fault>,
    /// The file, if there was one.
    pub(super) file: Option<PathBuf>,
}

impl Place {
    /// Reads the file and the environment. Only a file that was typed and cannot
    /// be read is an error; one that the environment names is a fault among others.
    pub(super) fn read(&self) -> Result<Read, String> {
        let env: Vec<_> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = env
            .iter()
            .find(|(name, path)| name == FILE_VARIABLE && !path.is_empty());
        let named = named.map(|(_, path)| PathBuf::from(path));
        let (text, unread) = match (&self.file, &named) {
            (Some(typed), _) => {
                let text = fs::read_to_string(typed);
                (Some(text.map_err(|error| unreadable(typed, &error))?), None)
            }
            (None, Some(named)) => match fs::read_to_string(named) {
                Ok(text) => (Some(text), None),
                Err(error) => (None, Some(unreadable(named, &error))),
            },
            (None, None) => match fs::read_to_string(FILE) {
                Ok(text) => (Some(text), None),
                Err(error) if error.kind() == io::ErrorKind::NotFound => (None, None),
                Err(error) => (None, Some(unreadable(Path::new(FILE), &error))),
            },
        };
        let (otel, of_otel) = Otel::read(env.clone());
        let (settings, mut faults) = Settings::read(text.as_deref(), env);
        faults.extend(of_otel);
        if let Some(problem) = unread {
            let setting = named.as_ref().map_or(FILE, |_| FILE_VARIABLE).to_owned();
            faults.insert(0, Fault { setting, problem });
        }
        let file = self.file.clone().or(named);
        let file = text.map(|_| file.unwrap_or_else(|| FILE.into()));
        Ok(Read {
            settings,
            otel,
            faults,
            file,
        })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!(
        "{} cannot be read: {error}; correct the path, or leave it away",
        path.display()
    )
}
