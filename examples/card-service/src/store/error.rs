//! Why the store could not answer.

use plimsoll::errors::Coded;

use crate::codes::CardCode;

/// The store failed; the request may be as good as any.
#[derive(Debug, thiserror::Error, Coded)]
#[non_exhaustive]
pub enum StoreError {
    /// No connection can be had at all.
    #[error("the database is down (switched off by the fault switch `database_down`)")]
    #[code(CardCode::StoreUnavailable)]
    Down,
    /// Every connection was in use, or the file was locked, for as long as we wait.
    #[error("the database had no connection free in time")]
    #[code(CardCode::StoreBusy)]
    Busy(#[source] sqlx::Error),
    /// The database answered with a failure of its own.
    #[error("the database failed")]
    #[code(CardCode::StoreFailed)]
    Failed(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy(error),
            sqlx::Error::Database(database) if is_locked(database.code().as_deref()) => {
                Self::Busy(error)
            }
            _ => Self::Failed(error),
        }
    }
}

/// `SQLITE_BUSY` (5) and `SQLITE_LOCKED` (6); the primary code is the low byte of the extended one.
/// <https://www.sqlite.org/rescode.html>
fn is_locked(code: Option<&str>) -> bool {
    matches!(primary_code(code), Some(5 | 6))
}

/// The primary result code in the text that sqlx gives for an extended one.
pub(super) fn primary_code(code: Option<&str>) -> Option<u32> {
    code?.parse::<u32>().ok().map(|code| code & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_told_from_other_failures_by_its_primary_code() {
        assert!(is_locked(Some("5")));
        assert!(is_locked(Some("517")), "SQLITE_BUSY_SNAPSHOT");
        assert!(!is_locked(Some("14")));
        assert!(!is_locked(Some("HY000")));
        assert!(!is_locked(None));
    }
}
