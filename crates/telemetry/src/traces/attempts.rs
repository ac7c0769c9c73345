//! What the transport did in an export: how often it sent, and why it failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes of a reason that are told.
const REASON_MAX: usize = 200;

/// Shared by the exporting thread and its transport.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    sent: AtomicU64,
    repeated: AtomicU64,
    reason: Mutex<Option<String>>,
}

impl Attempts {
    /// An export begins.
    pub(crate) fn begin(&self) {
        self.sent.store(0, Ordering::Relaxed);
        self.set(None);
    }

    /// It is sent, the first time or again.
    pub(crate) fn send(&self) {
        if self.sent.fetch_add(1, Ordering::Relaxed) > 0 {
            self.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It failed; the transport knows better why than the exporter tells.
    pub(crate) fn fail(&self, reason: &str) {
        let end = reason.floor_char_boundary(REASON_MAX);
        self.set(Some(reason[..end].to_owned()));
    }

    fn set(&self, reason: Option<String>) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    pub(crate) fn reason(&self) -> Option<String> {
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        reason.clone()
    }

    /// Sends beyond the first of an export, so far.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }
}
