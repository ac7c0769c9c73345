//! What has to happen once before the service has started.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Something that has to happen before the service has started; made by
/// [`crate::Health::startup`]. Open it, or drop it, when it has happened.
#[derive(Debug)]
#[must_use = "a latch opens when it is dropped"]
pub struct Latch {
    open: Arc<AtomicBool>,
    all: Arc<Latches>,
}

/// All latches of a service.
#[derive(Debug, Default)]
pub(crate) struct Latches {
    pending: AtomicUsize,
    known: Mutex<Vec<(Box<str>, Arc<AtomicBool>)>>,
}

impl Latch {
    /// Says that it has happened.
    pub fn open(self) {
        drop(self);
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        // Start-up work that panicked has not happened.
        if !std::thread::panicking() && !self.open.swap(true, Ordering::AcqRel) {
            self.all.pending.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Latches {
    pub(crate) fn add(self: &Arc<Self>, name: &str) -> Latch {
        let open = Arc::new(AtomicBool::new(false));
        self.pending.fetch_add(1, Ordering::AcqRel);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push((name.into(), Arc::clone(&open)));
        Latch {
            open,
            all: Arc::clone(self),
        }
    }

    pub(crate) fn all_open(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Every latch and whether it is open.
    pub(crate) fn list(&self) -> Vec<(Box<str>, bool)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |(name, open): &(Box<str>, Arc<AtomicBool>)| {
            (name.clone(), open.load(Ordering::Acquire))
        };
        known.iter().map(row).collect()
    }
}
