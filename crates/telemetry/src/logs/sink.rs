//! Where log lines go: a bounded queue that requests append to, and a thread
//! that writes it out. A request never waits for the disk, and wakes the thread
//! only when it sleeps or the queue is half full.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::notices::Notices;
use super::scratch;
use super::writer::Writer;
use crate::exports::{Exports, Outlet, Queue};
use crate::ledger::{Balance, Ledger, Reason};
use crate::telemetry::LAST_LINES;

/// Default bound of the queue, in bytes.
pub(crate) const CAPACITY: usize = 32 << 20;

/// Bytes of a chunk; only a longer line makes a longer one.
const CHUNK: usize = 64 << 10;

/// Empty chunks kept for the next lines: 1 MiB.
const SPARE: usize = 16;

/// A shared handle on the queue and its writer.
#[derive(Clone)]
pub(crate) struct LogSink(Arc<Shared>);

pub(super) struct Shared {
    state: Mutex<State>,
    /// The writer waits here for lines.
    pub(super) lines: Condvar,
    /// Shutdown waits here for the writer to be done.
    done: Condvar,
    capacity: usize,
    pub(super) ledger: Ledger,
    pub(super) exports: Exports,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Is given every line that is taken.
    also: OnceLock<Also>,
}

type Also = Box<dyn Fn(&[u8]) + Send + Sync>;

#[derive(Default)]
pub(super) struct State {
    /// What lines are appended to.
    filling: Chunk,
    /// What waits to be written, in order.
    pub(super) full: VecDeque<Chunk>,
    spare: Vec<Vec<u8>>,
    /// Bytes and lines that the writer has not disposed of yet.
    bytes: usize,
    pending: u64,
    /// Lines dropped because the queue was full, not told yet.
    pub(super) lost: u64,
    /// The next line must wake the writer.
    pub(super) asleep: bool,
    pub(super) stage: Stage,
    /// Whether shutdown may take no longer than [`LAST_LINES`].
    hurry: bool,
    /// How often a flush was asked for and done.
    pub(super) flushes: u64,
    pub(super) flushed: u64,
}

/// Lines are taken until shutdown; the writer says when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    #[default]
    Open,
    Closing,
    Closed,
}

/// Whole lines in one buffer.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
}

impl LogSink {
    /// Starts the writer thread.
    pub(crate) fn start(
        capacity: usize,
        output: Box<dyn Write + Send>,
        notices: Notices,
    ) -> std::io::Result<Self> {
        let sink = Self(Arc::new(Shared {
            state: Mutex::default(),
            lines: Condvar::new(),
            done: Condvar::new(),
            capacity,
            ledger: Ledger::default(),
            exports: Exports::default(),
            writer: Mutex::new(None),
            also: OnceLock::new(),
        }));
        let writer = Writer::new(Arc::clone(&sink.0), output, notices);
        let thread = std::thread::Builder::new().name("plimsoll-logs".into());
        let thread = thread.spawn(move || writer.run())?;
        *sink.0.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(sink)
    }

    /// Makes one line and appends it.
    pub(crate) fn line(&self, write: impl FnOnce(&mut Vec<u8>)) {
        scratch::with(|line| {
            write(line);
            self.submit(line);
        });
    }

    /// As [`Self::line`], for this output alone.
    pub(crate) fn line_here(&self, write: impl FnOnce(&mut Vec<u8>)) {
        scratch::with(|line| {
            write(line);
            self.append(line);
        });
    }

    /// Gives every line that is taken from now on to `also` too; only the first
    /// call does.
    #[cfg(feature = "otlp-logs")]
    pub(crate) fn also(&self, also: impl Fn(&[u8]) + Send + Sync + 'static) {
        self.0.also.get_or_init(|| Box::new(also));
    }

    /// Appends one whole line, or drops it and counts it when the queue is full.
    pub(crate) fn submit(&self, line: &[u8]) {
        let taken = self.append(line);
        if let Some(also) = self.0.also.get().filter(|_| taken) {
            also(line);
        }
    }

    fn append(&self, line: &[u8]) -> bool {
        let shared = &*self.0;
        // Under the lock every term moves together, so a balance read at any
        // moment holds.
        let mut state = shared.lock();
        shared.ledger.produce(1);
        if state.stage != Stage::Open {
            shared.ledger.drop_for(Reason::Shutdown, 1);
            return false;
        }
        if state.bytes + line.len() > shared.capacity {
            shared.ledger.drop_for(Reason::QueueFull, 1);
            state.lost += 1;
            return false;
        }
        if state.filling.bytes.len() + line.len() > state.filling.bytes.capacity() {
            state.roll(line.len());
        }
        state.filling.bytes.extend_from_slice(line);
        state.filling.lines += 1;
        state.pending += 1;
        let half = shared.capacity / 2;
        let half_full = state.bytes <= half && state.bytes + line.len() > half;
        state.bytes += line.len();
        let wake = std::mem::take(&mut state.asleep) || half_full;
        drop(state);
        if wake {
            shared.lines.notify_one();
        }
        true
    }

    /// Counts a line that its callsite's limit did not let through. No lock but
    /// for the `first` to be told: at such a rate it would cost more than the line.
    pub(super) fn suppressed(&self, first: bool) {
        self.0.ledger.produce(1);
        self.0.ledger.drop_for(Reason::RateLimited, 1);
        if first && std::mem::take(&mut self.0.lock().asleep) {
            self.0.lines.notify_one();
        }
    }

    /// The ledger with what is still queued.
    pub(crate) fn balance(&self) -> Balance {
        let state = self.0.lock();
        self.0.ledger.balance(state.pending)
    }

    /// How full the queue is and how the output takes what it is given.
    pub(crate) fn outlet(&self) -> Outlet {
        let depth = self.0.lock().bytes as u64;
        let capacity = self.0.capacity as u64;
        self.0.exports.outlet("logs", Queue { depth, capacity })
    }

    /// Bounds the wait in [`Self::shutdown`], now or to come, by [`LAST_LINES`].
    pub(crate) fn hurry(&self) {
        self.0.lock().hurry = true;
        self.0.done.notify_all();
    }

    /// Waits until `deadline` for what was logged so far to be written and what
    /// was suppressed or lost to be told; not at all when shutdown is hurried.
    pub(crate) fn flush(&self, deadline: Instant) {
        let mut state = self.0.lock();
        if state.hurry {
            return;
        }
        state.flushes += 1;
        let asked = state.flushes;
        state.asleep = false;
        self.0.lines.notify_one();
        let written = |state: &State| state.stage == Stage::Closed || state.flushed >= asked;
        drop(self.0.wait(state, deadline, written));
    }

    /// Writes what is queued and ends the writer, waiting until `deadline`.
    /// What it did not take from the queue until then is counted as lost.
    pub(crate) fn shutdown(&self, deadline: Instant) {
        let mut state = self.0.lock();
        if state.stage == Stage::Open {
            state.stage = Stage::Closing;
        }
        self.0.lines.notify_one();
        let mut state = self
            .0
            .wait(state, deadline, |state| state.stage == Stage::Closed);
        if state.stage != Stage::Closed {
            let left = std::mem::take(&mut state.filling);
            let full = std::mem::take(&mut state.full);
            for chunk in full.into_iter().chain([left]) {
                state.pending -= chunk.lines;
                state.bytes -= chunk.bytes.len();
                self.0.ledger.drop_for(Reason::Shutdown, chunk.lines);
            }
            return;
        }
        drop(state);
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take() {
            // The thread has set that stage as its last act, so this does not wait.
            let _ = writer.join();
        }
    }
}

impl State {
    /// Begins a chunk with room for a line of this length.
    fn roll(&mut self, length: usize) {
        let next = if length <= CHUNK {
            let spare = self.spare.pop();
            spare.unwrap_or_else(|| Vec::with_capacity(CHUNK))
        } else {
            Vec::with_capacity(length)
        };
        let next = Chunk {
            bytes: next,
            lines: 0,
        };
        let full = std::mem::replace(&mut self.filling, next);
        if full.lines > 0 {
            self.full.push_back(full);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.filling.lines == 0
    }

    /// The next chunk to be written; it counts as pending until [`Self::settle`].
    pub(super) fn next(&mut self) -> Option<Chunk> {
        let next = self.full.pop_front();
        next.or_else(|| (self.filling.lines > 0).then(|| std::mem::take(&mut self.filling)))
    }

    /// Takes note that a chunk was written or lost, and takes back its buffer.
    pub(super) fn settle(&mut self, chunk: Chunk) {
        self.pending -= chunk.lines;
        self.bytes -= chunk.bytes.len();
        let mut buffer = chunk.bytes;
        if self.spare.len() < SPARE && buffer.capacity() <= CHUNK {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        deadline: Instant,
        until: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let begun = Instant::now();
        while !until(&state) {
            let mut left = deadline.saturating_duration_since(Instant::now());
            if state.hurry {
                left = left.min(LAST_LINES.saturating_sub(begun.elapsed()));
            }
            if left.is_zero() {
                break;
            }
            let waited = self.done.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    pub(super) fn tell_done(&self) {
        self.done.notify_all();
    }
}

#[cfg(test)]
mod tests;
