//! The flight recorder: quiet events of a request that are written only if it
//! ends badly.
//!
//! An event below the log's own filter is kept with the request that is being
//! polled, unformatted, in a bounded [`arena`]. When the request ends in
//! failure, panic, timeout or disconnect, or was slow ([`plimsoll_core::Keep`]),
//! its events are written in order, before its own line, with the key
//! `flight`; otherwise they are forgotten. Events outside a request, and of
//! work given to `tokio::spawn`, have no request to be kept with.

mod arena;
mod lines;
#[cfg(test)]
mod tests;
mod value;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_core::names::{self, label};
use plimsoll_core::record::Record;
use plimsoll_core::{Clock, current};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use self::arena::Arena;
pub(crate) use self::arena::{LEAST, MOST};
use crate::logs::layer::span_fields;
use crate::logs::levels::Switches;
use crate::logs::sink::LogSink;
use crate::logs::style::Style;
use crate::metrics::Page;

/// Bytes of a request's arena unless told otherwise.
pub(crate) const BYTES: usize = 16 << 10;

/// Lines a second over all requests unless told otherwise.
pub(crate) const LINES: u64 = 1_000;

/// What is recorded unless told otherwise: everything but what
/// [`crate::logs::filter`] calls noise.
pub(crate) const TARGETS: &str = "trace";

/// Arenas kept per thread for later requests.
const KEPT: usize = 64;

thread_local! {
    #[expect(clippy::vec_box, reason = "they travel in a record as boxes of any type")]
    static FREE: RefCell<Vec<Box<Arena>>> = const { RefCell::new(Vec::new()) };
}

/// The recorder of one instance.
pub(crate) struct Flight {
    bytes: usize,
    lines: u64,
    /// The second and the lines written in it.
    second: AtomicU64,
    in_second: AtomicU64,
    written: AtomicU64,
    no_room: AtomicU64,
    too_many: AtomicU64,
    panicked: AtomicU64,
}

impl Flight {
    pub(crate) fn new(bytes: usize, lines: u64) -> Self {
        Self {
            bytes,
            lines,
            second: AtomicU64::new(0),
            in_second: AtomicU64::new(0),
            written: AtomicU64::new(0),
            no_room: AtomicU64::new(0),
            too_many: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        }
    }

    /// Ends the recording of a request: its events are written if it is to be
    /// kept, else forgotten.
    pub(crate) fn end(&self, record: &mut Record, to: &To<'_>) {
        let Some(scratch) = record.scratch.take() else {
            return;
        };
        let mut arena = match scratch.downcast::<Arena>() {
            Ok(arena) => arena,
            Err(other) => {
                record.scratch = Some(other);
                return;
            }
        };
        let wanted = record.keep.is_some_and(|keep| to.switches.triggered(keep));
        if wanted && !arena.is_empty() {
            self.write(&arena, record, to);
        }
        arena.clear();
        // A record may end in a thread-local destructor, when the pool is gone.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(arena);
            }
        });
    }

    fn write(&self, arena: &Arena, record: &Record, to: &To<'_>) {
        let left_out = arena.left_out();
        self.no_room.fetch_add(left_out, Ordering::Relaxed);
        if !self.may_write(record.ended, arena.len()) {
            self.too_many.fetch_add(arena.len(), Ordering::Relaxed);
            return;
        }
        for event in arena.beginning() {
            to.sink.line(|out| lines::event(out, to, record, event));
        }
        if left_out > 0 {
            to.sink
                .line(|out| lines::left_out(out, to, record, left_out));
        }
        for event in arena.end() {
            to.sink.line(|out| lines::event(out, to, record, event));
        }
        self.written.fetch_add(arena.len(), Ordering::Relaxed);
    }

    /// Whether a request may write its events, all or none. The last in a
    /// second may go over the bound by what one arena holds.
    fn may_write(&self, now: u64, count: u64) -> bool {
        let second = now / 1_000_000_000;
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.in_second.store(0, Ordering::Relaxed);
        }
        if self.in_second.load(Ordering::Relaxed) >= self.lines {
            return false;
        }
        self.in_second.fetch_add(count, Ordering::Relaxed);
        true
    }

    /// Adds our families to a page.
    pub(crate) fn page(&self, page: &mut Page) {
        let help = "Quiet events of kept requests that were written.";
        page.family(names::FLIGHT_EVENTS, "counter", help);
        page.sample(
            names::FLIGHT_EVENTS,
            &[],
            self.written.load(Ordering::Relaxed),
        );
        let help = "Quiet events of kept requests that were not written.";
        page.family(names::FLIGHT_LEFT_OUT, "counter", help);
        for (reason, count) in [
            ("no_room", &self.no_room),
            ("rate_limited", &self.too_many),
            ("panicked", &self.panicked),
        ] {
            let count = count.load(Ordering::Relaxed);
            page.sample(names::FLIGHT_LEFT_OUT, &[(label::REASON, reason)], count);
        }
    }
}

/// Where lines go and what they look like.
pub(crate) struct To<'a> {
    pub(crate) sink: &'a LogSink,
    pub(crate) style: &'a Style,
    pub(crate) switches: &'a Switches,
}

/// Takes events into the current request's arena.
pub(crate) struct Capture {
    pub(crate) flight: Arc<Flight>,
    pub(crate) clock: Clock,
    /// Which instance's requests.
    pub(crate) owner: u64,
}

impl Capture {
    pub(crate) fn event<S>(&self, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        current::with(|record| {
            if record.instance != self.owner {
                return;
            }
            let arena = match &mut record.scratch {
                Some(scratch) => scratch.downcast_mut::<Arena>(),
                free => {
                    let arena = free.insert(self.arena());
                    arena.downcast_mut::<Arena>()
                }
            };
            let Some(arena) = arena else { return };
            let time = self.clock.now();
            // The host's own `Debug` runs here, for an event that would not have
            // been looked at without us.
            let pushed = catch_unwind(AssertUnwindSafe(|| {
                let around = |writer: &mut value::Writer<'_>| {
                    let around = |name: &str, json: &[u8]| writer.around(name, json);
                    span_fields(event, context, self.owner, around);
                };
                arena.push(event.metadata(), time, around, |own| event.record(own));
            }));
            if pushed.is_err() {
                self.flight.panicked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    fn arena(&self) -> Box<Arena> {
        let bytes = self.flight.bytes;
        let kept = FREE.try_with(|free| free.borrow_mut().pop());
        let kept = kept.ok().flatten().filter(|arena| arena.holds(bytes));
        kept.unwrap_or_else(|| Box::new(Arena::new(bytes)))
    }
}
