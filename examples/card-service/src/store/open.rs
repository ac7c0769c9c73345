//! Opening the database: settings, migrations, and faults said so that they can be fixed.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Connection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Store, error::primary_code};
use crate::faults::Faults;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Connections for reading; an overview takes four at once.
const READERS: u32 = 8;
/// How long a request waits for a connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long SQLite waits for another process to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The database could not be opened. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of SQLite's.
    #[error(
        "`{url}` is not a database URL that this service knows; write `sqlite://cards.db` for a file or `sqlite::memory:` for none"
    )]
    Url {
        /// What was asked for.
        url: String,
        /// What the parser said, if it got that far.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// The file's folder is missing.
    #[error(
        "the folder of `{url}` does not exist; create it, or name a file in a folder that does"
    )]
    NoFolder {
        /// What was asked for.
        url: String,
    },
    /// The file can be neither opened nor created.
    #[error(
        "`{url}` cannot be opened; name a file (not a folder) in a folder that this user may write"
    )]
    CannotOpen {
        /// What was asked for.
        url: String,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// The file can be read but not written.
    #[error(
        "`{url}` cannot be written; allow this user to write the file and its folder, or name another file"
    )]
    ReadOnly {
        /// What was asked for.
        url: String,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// The file is something else.
    #[error(
        "`{url}` is not an SQLite database; name another file, or remove this one if nobody needs it"
    )]
    NotADatabase {
        /// What was asked for.
        url: String,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// The tables could not be brought up to date.
    #[error(
        "the tables of `{url}` could not be brought up to date; was the file made by another version? Remove it and start again"
    )]
    Migrate {
        /// What was asked for.
        url: String,
        /// Which migration failed and why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// Anything else.
    #[error("`{url}` could not be opened")]
    Other {
        /// What was asked for.
        url: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
}

impl Store {
    /// The file of a database; `None` for one in memory and for what is no URL of one.
    pub fn file(url: &str) -> Option<PathBuf> {
        let options = options(url).ok()?;
        (!is_in_memory(&options)).then(|| options.get_filename().to_owned())
    }

    /// Opens `sqlite://FILE` (created when absent) or `sqlite::memory:` and brings the tables up to date.
    ///
    /// # Errors
    /// The URL, the file or its tables cannot be used.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_with(url, Faults::default()).await
    }

    /// Like [`Store::open`], with switches that somebody else holds too.
    ///
    /// # Errors
    /// The URL, the file or its tables cannot be used.
    pub async fn open_with(url: &str, faults: Faults) -> Result<Self, OpenError> {
        let options = options(url)?;
        let in_memory = is_in_memory(&options);
        if !in_memory && !folder_exists(options.get_filename()) {
            return Err(OpenError::NoFolder { url: url.into() });
        }
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                // The connections are in this process: they neither age nor break, and an idle last one
                // that is closed would take a database in memory with it.
                .max_lifetime(None)
                .idle_timeout(None)
                .test_before_acquire(false)
        };
        let writer = pool(1).before_acquire(move |connection, _| {
            // When the disk is full, SQLite ends a transaction by itself, sqlx counts it for ever and begins no
            // other: a new connection can. In memory there would be nothing left to connect to.
            let usable = in_memory || !connection.is_in_transaction();
            Box::pin(async move { Ok(usable) })
        });
        let writer = writer.connect_with(options.clone()).await;
        let writer = writer.map_err(|source| explain(url, source))?;
        MIGRATOR
            .run(&writer)
            .await
            .map_err(|source| explain_migration(url, source))?;
        // SQLite opens what it may only read without a word; a statement that would write tells.
        sqlx::query("UPDATE accounts SET version = version WHERE FALSE")
            .execute(&writer)
            .await
            .map_err(|source| explain(url, source))?;
        // Connections that share memory block one another without waiting, so there is but one.
        let readers = if in_memory {
            writer.clone()
        } else {
            let readers = pool(READERS).connect_with(options).await;
            readers.map_err(|source| explain(url, source))?
        };
        Ok(Self {
            readers,
            writer,
            faults,
        })
    }
}

fn options(url: &str) -> Result<SqliteConnectOptions, OpenError> {
    if !url.starts_with("sqlite:")
        || url
            .trim_start_matches("sqlite:")
            .trim_matches('/')
            .is_empty()
    {
        return Err(OpenError::Url {
            url: url.into(),
            source: None,
        });
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|source| OpenError::Url {
        url: url.into(),
        source: Some(source),
    })?;
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode this loses no consistency; the last commits may be lost with the machine's power.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT))
}

fn is_in_memory(options: &SqliteConnectOptions) -> bool {
    options.get_filename().starts_with("file:sqlx-in-memory-")
}

fn folder_exists(file: &Path) -> bool {
    file.parent()
        .is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

/// Result codes: <https://www.sqlite.org/rescode.html>
fn explain(url: &str, source: sqlx::Error) -> OpenError {
    let url = url.to_owned();
    let code = source
        .as_database_error()
        .and_then(|error| primary_code(error.code().as_deref()));
    match code {
        Some(8) => OpenError::ReadOnly { url, source },
        Some(14) => OpenError::CannotOpen { url, source },
        Some(26) => OpenError::NotADatabase { url, source },
        _ => OpenError::Other { url, source },
    }
}

fn explain_migration(url: &str, source: sqlx::migrate::MigrateError) -> OpenError {
    match source {
        sqlx::migrate::MigrateError::Execute(source) => explain(url, source),
        source => OpenError::Migrate {
            url: url.into(),
            source,
        },
    }
}
