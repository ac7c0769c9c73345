//! The thread that writes the queue out, and tells what was not written.

use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::notices::Notices;
use super::sink::{Shared, Stage, State};
use crate::ledger::Reason;

/// How long the writer lets lines gather before it writes them.
const GATHER: Duration = Duration::from_millis(5);

/// Times that it looks for lines by itself before it sleeps until a line wakes it.
const LOOKS: u32 = 20;

/// How long it sleeps at most while something is left to be told.
const NOTICE: Duration = Duration::from_secs(1);

/// How long an output that takes no bytes for now is asked again.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    shared: Arc<Shared>,
    output: Output,
    notices: Notices,
    /// Lines lost since that was last told.
    lost: u64,
    told: Option<Instant>,
    looks: u32,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        output: Box<dyn Write + Send>,
        notices: Notices,
    ) -> Self {
        Self {
            shared,
            output: Output {
                inner: Some(output),
                torn: false,
            },
            notices,
            lost: 0,
            told: None,
            looks: 0,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            self.gather();
            let (asked, closing) = {
                let state = self.shared.lock();
                (state.flushes, state.stage != Stage::Open)
            };
            self.write_queue();
            self.tell(closing || asked > self.flushed());
            let mut state = self.shared.lock();
            state.flushed = asked;
            // No line is taken any more, so what is empty stays so.
            let ended = closing && state.is_empty();
            if ended {
                state.stage = Stage::Closed;
            }
            drop(state);
            self.shared.tell_done();
            if ended {
                return;
            }
        }
    }

    fn flushed(&self) -> u64 {
        self.shared.lock().flushed
    }

    /// Waits for something to do. Under traffic it looks every few milliseconds,
    /// so that no request need wake it.
    fn gather(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let urged = |state: &State| state.stage != Stage::Open || state.flushes > state.flushed;
        if urged(&state) {
            return;
        }
        if state.is_empty() && state.lost == 0 {
            self.looks += 1;
        } else {
            self.looks = 0;
        }
        if self.looks > LOOKS {
            state.asleep = true;
            let waiting = self.lost > 0 || self.notices.waiting();
            while state.asleep && !urged(&state) {
                if waiting {
                    let waited = shared.lines.wait_timeout(state, NOTICE);
                    (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                    break;
                }
                let waited = shared.lines.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
            state.asleep = false;
            self.looks = 0;
        }
        if !urged(&state) {
            let waited = shared.lines.wait_timeout(state, GATHER);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn write_queue(&mut self) {
        loop {
            let mut state = self.shared.lock();
            self.lost += std::mem::take(&mut state.lost);
            let Some(chunk) = state.next() else { return };
            drop(state);
            let begun = Instant::now();
            let delivered = self.output.write(&chunk.bytes, chunk.lines);
            let whole = delivered == chunk.lines;
            self.shared.exports.note(whole, begun.elapsed());
            if whole {
                self.shared.exports.sent().add(chunk.bytes.len());
            }
            let failed = chunk.lines - delivered;
            self.lost += failed;
            let mut state = self.shared.lock();
            self.shared.ledger.deliver(delivered);
            self.shared.ledger.drop_for(Reason::WriteFailed, failed);
            state.settle(chunk);
        }
    }

    /// Says what was suppressed and lost, at most once a second. Nobody misses
    /// such a line if it fails, so only those that arrived are counted.
    fn tell(&mut self, now: bool) {
        if !now && self.told.is_some_and(|told| told.elapsed() < NOTICE) {
            return;
        }
        let mut lines = Vec::new();
        let mut count = self.notices.suppressed(&mut lines, now);
        if self.lost > 0 {
            self.notices.lost(&mut lines, self.lost);
            count += 1;
        }
        if lines.is_empty() {
            return;
        }
        self.told = Some(Instant::now());
        let written = self.output.write(&lines, count);
        if written == count {
            self.lost = 0;
        }
        let _state = self.shared.lock();
        self.shared.ledger.produce(written);
        self.shared.ledger.deliver(written);
    }
}

/// An output that may fail at any byte, and may panic.
struct Output {
    /// Gone once it has panicked: nobody knows what state it is in.
    inner: Option<Box<dyn Write + Send>>,
    /// Whether the last byte written was inside a line.
    torn: bool,
}

impl Output {
    /// Writes so many lines and returns how many arrived whole.
    fn write(&mut self, lines: &[u8], count: u64) -> u64 {
        let Some(output) = &mut self.inner else {
            return 0;
        };
        let torn = self.torn;
        let write = AssertUnwindSafe(|| {
            let mut arrived = 0;
            let result = write_all(output, lines, torn, &mut arrived);
            (arrived, result.and_then(|()| output.flush()))
        });
        let Ok((arrived, result)) = catch_unwind(write) else {
            let dead = AssertUnwindSafe(self.inner.take());
            let _ = catch_unwind(move || drop(dead));
            return 0;
        };
        if let Some(last) = lines[..arrived].last() {
            self.torn = *last != b'\n';
        }
        match result {
            Ok(()) => count,
            // What a buffer of the output could not pass on is anybody's guess.
            Err(_) if arrived == lines.len() => 0,
            Err(_) => whole(&lines[..arrived]),
        }
    }
}

/// Line ends among these bytes.
fn whole(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').skip(1).count() as u64
}

fn write_all(
    output: &mut Box<dyn Write + Send>,
    lines: &[u8],
    torn: bool,
    arrived: &mut usize,
) -> io::Result<()> {
    if torn {
        some(output, b"\n")?;
    }
    while *arrived < lines.len() {
        *arrived += some(output, &lines[*arrived..])?;
    }
    Ok(())
}

/// Writes at least one byte. A pipe that another process made non-blocking is
/// waited for.
fn some(output: &mut Box<dyn Write + Send>, bytes: &[u8]) -> io::Result<usize> {
    let mut since = None;
    loop {
        match output.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(error);
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}
