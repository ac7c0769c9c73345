//! Where log lines go: a bounded buffer that requests append to, and a thread
//! that swaps it out and writes. A request never waits for the disk.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::exports::{Exports, Outlet, Queue};
use crate::ledger::{Balance, Ledger, Reason};
use crate::telemetry::LAST_LINES;

/// Default bound of the buffer, in bytes.
pub(crate) const CAPACITY: usize = 32 << 20;

/// How long the writer lets lines gather before it writes them.
const GATHER: Duration = Duration::from_millis(5);

/// A shared handle on the buffer and its writer.
#[derive(Clone)]
pub(crate) struct LogSink(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// The writer waits here for lines; it is woken only when it is asleep.
    lines: Condvar,
    /// Shutdown waits here for the writer to be done.
    done: Condvar,
    capacity: usize,
    ledger: Ledger,
    exports: Exports,
    /// Set under the lock of `state`, so that nobody who waits misses it.
    hurry: AtomicBool,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    buffer: String,
    count: u64,
    /// Lines that the writer has taken but not written yet.
    writing: u64,
    asleep: bool,
    closing: bool,
    closed: bool,
}

impl LogSink {
    /// Starts the writer thread.
    pub(crate) fn start(capacity: usize, output: Box<dyn Write + Send>) -> std::io::Result<Self> {
        let sink = Self(Arc::new(Shared {
            state: Mutex::default(),
            lines: Condvar::new(),
            done: Condvar::new(),
            capacity,
            ledger: Ledger::default(),
            exports: Exports::default(),
            hurry: AtomicBool::new(false),
            writer: Mutex::new(None),
        }));
        let shared = Arc::clone(&sink.0);
        let thread = std::thread::Builder::new().name("plimsoll-logs".into());
        let writer = thread.spawn(move || shared.write_until_closed(output))?;
        *sink.0.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        Ok(sink)
    }

    /// Appends one line, or drops it and counts it when the buffer is full.
    /// `write` gets the buffer and must write exactly one line.
    pub(crate) fn line(&self, write: impl FnOnce(&mut String)) {
        let shared = &*self.0;
        // Under the lock every term moves together, so a balance read at any
        // moment holds.
        let mut state = shared.lock();
        shared.ledger.produce(1);
        if state.closing || state.buffer.len() >= shared.capacity {
            let reason = if state.closing {
                Reason::Shutdown
            } else {
                Reason::QueueFull
            };
            shared.ledger.drop_for(reason, 1);
            return;
        }
        write(&mut state.buffer);
        state.count += 1;
        let wake = std::mem::take(&mut state.asleep);
        drop(state);
        if wake {
            shared.lines.notify_one();
        }
    }

    /// The ledger with what is still buffered.
    pub(crate) fn balance(&self) -> Balance {
        let state = self.0.lock();
        self.0.ledger.balance(state.count + state.writing)
    }

    /// How full the buffer is and how the output takes what it is given.
    pub(crate) fn outlet(&self) -> Outlet {
        let depth = self.0.lock().buffer.len() as u64;
        let capacity = self.0.capacity as u64;
        self.0.exports.outlet("logs", Queue { depth, capacity })
    }

    /// Bounds the wait in [`Self::shutdown`], now or to come, by [`LAST_LINES`].
    pub(crate) fn hurry(&self) {
        let state = self.0.lock();
        self.0.hurry.store(true, Ordering::Relaxed);
        self.0.done.notify_all();
        drop(state);
    }

    /// Writes what is buffered and ends the writer, waiting until `deadline`.
    pub(crate) fn shutdown(&self, deadline: Instant) {
        let begun = Instant::now();
        let mut state = self.0.lock();
        state.closing = true;
        self.0.lines.notify_one();
        while !state.closed {
            let mut left = deadline.saturating_duration_since(Instant::now());
            if self.0.hurry.load(Ordering::Relaxed) {
                left = left.min(LAST_LINES.saturating_sub(begun.elapsed()));
            }
            if left.is_zero() {
                return;
            }
            let waited = self.0.done.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take() {
            // The thread has set `closed` as its last act, so this does not wait.
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_until_closed(&self, mut output: Box<dyn Write + Send>) {
        let mut spare = String::new();
        loop {
            let mut state = self.lock();
            while state.count == 0 && !state.closing {
                state.asleep = true;
                state = self
                    .lines
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.asleep = false;
            if state.count == 0 {
                state.closed = true;
                self.done.notify_all();
                return;
            }
            if !state.closing && state.buffer.len() < self.capacity / 2 {
                let gathered = self.lines.wait_timeout(state, GATHER);
                (state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut state.buffer, &mut spare);
            let count = std::mem::take(&mut state.count);
            state.writing = count;
            drop(state);
            let begun = Instant::now();
            let written = output
                .write_all(spare.as_bytes())
                .and_then(|()| output.flush());
            self.exports.note(written.is_ok(), begun.elapsed());
            if written.is_ok() {
                self.exports.sent().add(spare.len());
            }
            let mut state = self.lock();
            state.writing = 0;
            match written {
                Ok(()) => self.ledger.deliver(count),
                Err(_) => self.ledger.drop_for(Reason::WriteFailed, count),
            }
            drop(state);
            spare.clear();
            // One burst must not hold its memory for ever.
            spare.shrink_to(1 << 20);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Gate(mpsc::Receiver<std::io::Result<()>>, Arc<Mutex<Vec<u8>>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.recv().unwrap_or(Ok(()))?;
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn a_full_disk_and_a_full_buffer_are_counted_and_the_ledger_balances() {
        let (gate, turns) = mpsc::channel();
        let written = Arc::default();
        let sink = LogSink::start(8, Box::new(Gate(turns, Arc::clone(&written)))).unwrap();
        for _ in 0..100 {
            sink.line(|out| out.push_str("1234\n"));
        }
        gate.send(Err(std::io::ErrorKind::StorageFull.into()))
            .unwrap();
        drop(gate);
        sink.shutdown(soon());
        let balance = sink.balance();
        assert!(balance.holds(), "{balance:?}");
        assert_eq!((balance.produced, balance.pending), (100, 0));
        assert!(
            balance.dropped[Reason::QueueFull as usize] > 0,
            "{balance:?}"
        );
        assert!(
            balance.dropped[Reason::WriteFailed as usize] > 0,
            "{balance:?}"
        );
        let lines = written.lock().unwrap().len() / 5;
        assert_eq!(lines as u64, balance.delivered);
    }

    #[test]
    fn shutdown_writes_everything_and_later_lines_are_counted_as_lost() {
        let written: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (open, turns) = mpsc::channel();
        drop(open);
        let sink = LogSink::start(CAPACITY, Box::new(Gate(turns, Arc::clone(&written)))).unwrap();
        for _ in 0..1_000 {
            sink.line(|out| out.push_str("line\n"));
        }
        sink.shutdown(soon());
        sink.line(|out| out.push_str("late\n"));
        assert_eq!(written.lock().unwrap().len(), 5_000);
        let balance = sink.balance();
        assert_eq!(balance.dropped[Reason::Shutdown as usize], 1);
        assert!(balance.holds());
    }
}
