//! The list and its records.

use std::fmt;

use crate::Change;
use crate::line::Line;

/// What every lock begins with.
const HEADER: &str = "\
# Published error codes: `plimsoll errors lock` appends, `catalog!` reads. No line changes or goes away.
# A code that is gone keeps its line and gets one below it: CODE retired: why, and what stands in its place
";

/// What callers, alerts and SLOs rely on in a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `CARD-1001`.
    pub code: String,
    /// `CARD_NOT_FOUND`.
    pub reason: String,
    /// HTTP status.
    pub status: u16,
    /// gRPC status, as a word.
    pub grpc: String,
    /// `client`, `server`, `dependency` or `capacity`.
    pub blame: String,
    /// `never`, `safe`, `same_key` or `after`.
    pub retry: String,
    /// `good`, `bad` or `excluded`.
    pub slo: String,
}

impl Published {
    /// The part of the code before the dash.
    pub fn prefix(&self) -> &str {
        self.code.split('-').next().unwrap_or(&self.code)
    }

    /// What codes are sorted by. Numbers have four digits, so texts sort as numbers do.
    pub(crate) fn key(&self) -> &str {
        &self.code
    }
}

/// A published code and whether it is still given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The code.
    pub published: Published,
    /// Why it is no longer given.
    pub retired: Option<String>,
}

/// Why a lock cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it and what would be right.
    pub why: String,
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for LockError {}

/// The published codes, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    records: Vec<Record>,
}

impl Lock {
    /// Reads what [`Lock`]'s `Display` wrote. An empty text is a lock of nothing.
    ///
    /// # Errors
    /// The first line that is not of this form or does not ascend.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let mut lock = Self::default();
        for (at, text) in text.lines().enumerate() {
            if text.is_empty() || HEADER.lines().any(|header| header == text) {
                continue;
            }
            let taken = Line::parse(text).and_then(|line| lock.take(line));
            taken.map_err(|why| LockError { line: at + 1, why })?;
        }
        Ok(lock)
    }

    fn take(&mut self, line: Line) -> Result<(), String> {
        let last = self.records.last_mut();
        match (line, last) {
            (Line::Retired { code, why }, Some(last)) if last.published.code == code => {
                match last.retired.replace(why) {
                    None => Ok(()),
                    Some(_) => Err(format!("{code} is retired twice: keep the first line")),
                }
            }
            (Line::Retired { code, .. }, _) => Err(format!(
                "{code} is retired here but not published on the line above: \
                 `CODE retired: why` stands below the line of its code"
            )),
            (Line::Published(next), Some(last)) if next.key() <= last.published.key() => {
                Err(format!(
                    "{} stands below {}: codes ascend, each published once",
                    next.code, last.published.code
                ))
            }
            (Line::Published(published), _) => {
                self.records.push(Record {
                    published,
                    retired: None,
                });
                Ok(())
            }
        }
    }

    /// Every record, ascending.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The record of a code.
    pub fn find(&self, code: &str) -> Option<&Record> {
        let is_it = |record: &&Record| record.published.code == code;
        self.records.iter().find(is_it)
    }

    /// Whose codes these are: the prefix of the first one.
    pub fn prefix(&self) -> Option<&str> {
        Some(self.records.first()?.published.prefix())
    }

    /// What a catalog of these codes changes of what was published, in the order
    /// of the codes. Codes that the lock does not have yet are
    /// [`Change::Added`]; every other change breaks what somebody relies on.
    pub fn compare(&self, catalog: &[Published]) -> Vec<Change> {
        crate::change::compare(self, catalog)
    }

    /// Publishes the codes that the lock does not have. Those it has stay as they are.
    pub fn append(&mut self, catalog: &[Published]) {
        for published in catalog {
            if self.find(&published.code).is_none() {
                self.records.push(Record {
                    published: published.clone(),
                    retired: None,
                });
            }
        }
        let key = |record: &Record| record.published.key().to_owned();
        self.records.sort_by_key(key);
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        for Record { published, retired } in &self.records {
            writeln!(f, "{published}")?;
            if let Some(why) = retired {
                writeln!(f, "{} retired: {why}", published.code)?;
            }
        }
        Ok(())
    }
}
