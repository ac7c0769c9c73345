//! Where the stages of the reader put their faults.

use std::cell::RefCell;

use crate::fault::{Fault, Position};

/// Collects the faults of one file. Shared by reference, so that nested readers
/// can all report without handing a mutable borrow round.
pub(crate) struct Sink<'a> {
    file: &'a str,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Self {
            file,
            faults: RefCell::default(),
        }
    }

    pub(crate) fn report(&self, at: Position, what: impl Into<String>, fix: impl Into<String>) {
        self.faults.borrow_mut().push(Fault {
            file: self.file.to_owned(),
            at: Some(at),
            what: what.into(),
            fix: fix.into(),
        });
    }

    /// `file:line` for a fault elsewhere that points here.
    pub(crate) fn place(&self, at: Position) -> String {
        format!("{}:{}", self.file, at.line)
    }

    /// The faults by line and column.
    pub(crate) fn into_sorted(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.at);
        faults
    }
}
