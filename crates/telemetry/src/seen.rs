//! Which error codes a run has answered with, and where: a file that
//! `plimsoll errors coverage` reads after the tests.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use plimsoll_core::names::key;
use plimsoll_core::record::Record;

use crate::logs::json::Line;

/// Most combinations that one process writes: far above a catalog times the
/// routes of a service.
const MAX: usize = 10_000;

type Emission = (&'static str, &'static str, &'static str);

/// The file and what this process has written to it.
pub(crate) struct Seen {
    file: File,
    known: Mutex<HashSet<Emission>>,
    told: AtomicBool,
}

impl Seen {
    /// Opens the file for appending, so that the processes of a run share it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file,
            known: Mutex::default(),
            told: AtomicBool::new(false),
        })
    }

    /// Writes method, route and code of a finished request, once each.
    pub(crate) fn note(&self, record: &Record) {
        let Some(code) = record.code else { return };
        let emission = (record.method, record.route, code);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&emission) {
            return;
        }
        if known.len() >= MAX {
            return self.tell(&"it has 10000 lines of this process; the rest is left out");
        }
        known.insert(emission);
        drop(known);
        // One write a line: appended whole, whoever else writes.
        if let Err(error) = (&self.file).write_all(&line(emission)) {
            self.tell(&error);
        }
    }

    /// Says once that the file is not whole.
    fn tell(&self, problem: &dyn std::fmt::Display) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "plimsoll::config", setting = "errors_seen", "{problem}");
        }
    }
}

fn line((method, route, code): Emission) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    let mut line = Line::new(&mut out);
    line.text(key::METHOD, method);
    line.text(key::ROUTE, route);
    line.text(key::CODE, code);
    line.end();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::record::fresh_ids;

    #[test]
    fn each_combination_is_appended_once_and_what_has_no_code_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen");
        let mut record = Record::new(fresh_ids(false), 0);
        record.method = "GET";
        record.route = "/cards/{id}";
        // Two processes of a run.
        for _ in 0..2 {
            let seen = Seen::open(&path).unwrap();
            record.code = None;
            seen.note(&record);
            record.code = Some("CARD-1001");
            seen.note(&record);
            seen.note(&record);
        }
        let line = r#"{"method":"GET","route":"/cards/{id}","code":"CARD-1001"}"#;
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{line}\n{line}\n"));
    }
}
