//! Whether the store is asked at all.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Open while the store is taken for down.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    open: AtomicBool,
    /// Whether the last answers were failures: spares successes the lock.
    failing: AtomicBool,
    /// Since when no good answer came although somebody asked.
    since: Mutex<Option<Instant>>,
    opened: Notify,
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// A good answer came in time.
    pub(super) fn succeeded(&self) {
        if self.failing.load(Ordering::Relaxed) {
            self.failing.store(false, Ordering::Relaxed);
            *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// No good answer came in time; opens when that has been so for `patience`.
    pub(super) fn failed(&self, patience: Duration) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        self.failing.store(true, Ordering::Relaxed);
        let since = *since.get_or_insert_with(Instant::now);
        if since.elapsed() >= patience {
            self.open();
        }
    }

    /// Stops asking, until [`Breaker::close`].
    pub(super) fn open(&self) {
        if !self.open.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the store of shared limits is out of order; their outage policies hold"
            );
            self.opened.notify_one();
        }
    }

    /// Asks again.
    pub(super) fn close(&self) {
        self.succeeded();
        if self.open.swap(false, Ordering::Relaxed) {
            tracing::info!("the store of shared limits is in order again");
        }
    }

    /// Waits until it opens.
    pub(super) async fn opened(&self) {
        while !self.is_open() {
            self.opened.notified().await;
        }
    }
}
