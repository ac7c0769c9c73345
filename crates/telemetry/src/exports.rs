//! How the sink of one signal is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the sink of one signal did so far. Written by the one thread that
/// exports, read by anyone without a lock.
#[derive(Debug)]
pub(crate) struct Exports {
    origin: Instant,
    succeeded: AtomicU64,
    failed: AtomicU64,
    failed_in_a_row: AtomicU64,
    /// Nanoseconds after `origin`; 0 is never.
    last_success: AtomicU64,
    /// Nanoseconds after `origin`; 0 when the last one succeeded.
    failing_since: AtomicU64,
    last_took: AtomicU64,
    took: AtomicU64,
    bytes: Sent,
}

/// Bytes handed to a sink, as they went out: counted by whoever sends them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent(Arc<AtomicU64>);

impl Sent {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Default for Exports {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failed_in_a_row: AtomicU64::new(0),
            last_success: AtomicU64::new(0),
            failing_since: AtomicU64::new(0),
            last_took: AtomicU64::new(0),
            took: AtomicU64::new(0),
            bytes: Sent::default(),
        }
    }
}

impl Exports {
    /// Where the bytes are counted that go to this sink.
    pub(crate) fn sent(&self) -> &Sent {
        &self.bytes
    }

    /// Notes an export that ended just now and took `took`. Returns whether the
    /// sink changed: it failed first, or is well again.
    pub(crate) fn note(&self, success: bool, took: Duration) -> bool {
        self.note_at(Instant::now(), success, took)
    }

    fn note_at(&self, now: Instant, success: bool, took: Duration) -> bool {
        let now = nanos(now.saturating_duration_since(self.origin)).max(1);
        self.last_took.store(nanos(took), Ordering::Relaxed);
        self.took.fetch_add(nanos(took), Ordering::Relaxed);
        if success {
            self.succeeded.fetch_add(1, Ordering::Relaxed);
            self.last_success.store(now, Ordering::Relaxed);
            self.failing_since.store(0, Ordering::Relaxed);
            return self.failed_in_a_row.swap(0, Ordering::Relaxed) > 0;
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        let first = self.failed_in_a_row.fetch_add(1, Ordering::Relaxed) == 0;
        if first {
            self.failing_since.store(now, Ordering::Relaxed);
        }
        first
    }

    /// How it is now, with what waits for it.
    pub(crate) fn outlet(&self, signal: &'static str, queue: Queue) -> Outlet {
        self.outlet_at(Instant::now(), signal, queue)
    }

    fn outlet_at(&self, now: Instant, signal: &'static str, queue: Queue) -> Outlet {
        let now = nanos(now.saturating_duration_since(self.origin));
        let since = |at: &AtomicU64| match at.load(Ordering::Relaxed) {
            0 => None,
            at => Some(Duration::from_nanos(now.saturating_sub(at))),
        };
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Outlet {
            signal,
            queue,
            succeeded: count(&self.succeeded),
            failed: count(&self.failed),
            failed_in_a_row: count(&self.failed_in_a_row),
            last_success: since(&self.last_success),
            age: Duration::from_nanos(now),
            failing: since(&self.failing_since),
            last_took: Duration::from_nanos(count(&self.last_took)),
            took: Duration::from_nanos(count(&self.took)),
            bytes: count(&self.bytes.0),
        }
    }
}

fn nanos(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap_or(u64::MAX)
}

/// How full a queue is: bytes of log lines, spans, Sentry events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// What waits.
    pub depth: u64,
    /// What may wait.
    pub capacity: u64,
}

/// Where a signal leaves the process, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlet {
    /// `logs`, `traces`, `sentry`.
    pub signal: &'static str,
    /// What waits to leave.
    pub queue: Queue,
    /// Writes or exports that the sink took.
    pub succeeded: u64,
    /// Writes or exports that it did not take.
    pub failed: u64,
    /// Failures since the last success.
    pub failed_in_a_row: u64,
    /// Time since the last success; `None` before the first.
    pub last_success: Option<Duration>,
    /// Time since it was made.
    pub age: Duration,
    /// How long it has been failing; `None` when the last one succeeded.
    pub failing: Option<Duration>,
    /// How long the last export took.
    pub last_took: Duration,
    /// How long all exports took together.
    pub took: Duration,
    /// Bytes handed to the sink, as they went out.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told_and_the_time_since_them_is_known() {
        let exports = Exports::default();
        let at = |seconds| exports.origin + Duration::from_secs(seconds);
        let took = Duration::from_millis(20);
        let told: Vec<bool> = [(1, true), (2, false), (3, false), (4, true), (5, false)]
            .map(|(second, success)| exports.note_at(at(second), success, took))
            .into();
        assert_eq!(told, [false, true, false, true, true]);
        let outlet = exports.outlet_at(at(9), "traces", Queue::default());
        assert_eq!((outlet.succeeded, outlet.failed), (2, 3));
        assert_eq!(outlet.failed_in_a_row, 1);
        assert_eq!(outlet.last_success, Some(Duration::from_secs(5)));
        assert_eq!(outlet.failing, Some(Duration::from_secs(4)));
        assert_eq!((outlet.last_took, outlet.took), (took, took * 5));
    }

    #[test]
    fn before_the_first_export_nothing_is_said() {
        let outlet = Exports::default().outlet("logs", Queue::default());
        assert_eq!((outlet.last_success, outlet.failing), (None, None));
    }
}
