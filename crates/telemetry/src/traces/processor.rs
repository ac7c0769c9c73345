//! The one queue of spans, and the thread that exports them; the SDK's own
//! processor hides its drops and exports spans that were not sampled.
//!
//! A finished record is queued as it is and made into a span on the exporting
//! thread. Room is reserved first and filled last, so that a record's other
//! signals know whether its trace is really kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use plimsoll_core::Keep;
use plimsoll_core::record::Record;

use super::attempts::Attempts;
use super::context::Traced;
use super::data::Scribe;
use super::rejected::Rejections;
use crate::exports::{Exports, Outlet, Queue, Sent};
use crate::ledger::{Balance, Ledger, Reason};
use crate::pool;

/// Bounds of the queue: `OTEL_BSP_*` with the specification's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    pub(crate) queue: usize,
    pub(crate) batch: usize,
    pub(crate) delay: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            queue: 2_048,
            batch: 512,
            delay: Duration::from_secs(5),
        }
    }
}

/// Sends a batch; made and called on the exporting thread only.
pub(super) type Export = Box<dyn FnMut(Vec<SpanData>) -> OTelSdkResult>;

/// Writes a line about the service's own life: whether it is bad news, a text
/// and fields.
pub(crate) type Tell = Box<dyn Fn(bool, &str, &[(&str, String)]) + Send>;

/// Between two lines about the collector's state.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// A shared handle on the queue and its exporting thread.
#[derive(Debug, Clone)]
pub(crate) struct BoundedProcessor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
    batching: Batching,
    /// Places of the queue that are filled or reserved.
    taken: AtomicUsize,
    closing: AtomicBool,
    ledger: Ledger,
    exports: Exports,
    attempts: Arc<Attempts>,
    /// Set under the lock of `state`, so that nobody who waits misses it.
    hurry: AtomicBool,
    kept: [AtomicU64; Keep::ALL.len()],
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Item>,
    exporting: u64,
    flush: bool,
    closing: bool,
    closed: bool,
}

#[derive(Debug)]
enum Item {
    /// A request.
    Record(Box<Record>),
    /// A span of the application.
    Span(Box<SpanData>),
}

/// Room for one span.
#[derive(Debug)]
#[must_use = "dropping it gives the room back"]
pub(crate) struct Slot<'a> {
    shared: &'a Shared,
    filled: bool,
}

impl Slot<'_> {
    /// Queues a finished record.
    pub(crate) fn fill(mut self, mut record: Box<Record>) {
        self.filled = true;
        pool::part(&mut record);
        if let Some(traced) = Traced::of(&mut record) {
            traced.context = None;
        }
        self.shared.push(Item::Record(record));
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if !self.filled {
            self.shared.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl BoundedProcessor {
    /// Starts the exporting thread. `connect` makes the exporter on that
    /// thread, because its blocking client must not be made inside a runtime;
    /// it counts there what it sends.
    pub(super) fn start(
        batching: Batching,
        scribe: Scribe,
        attempts: Arc<Attempts>,
        tell: Tell,
        connect: impl FnOnce(Sent) -> Result<Export, String> + Send + 'static,
    ) -> std::io::Result<Self> {
        let processor = Self(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            batching,
            taken: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            ledger: Ledger::default(),
            exports: Exports::default(),
            attempts,
            hurry: AtomicBool::new(false),
            kept: Default::default(),
        }));
        let shared = Arc::clone(&processor.0);
        std::thread::Builder::new()
            .name("plimsoll-spans".into())
            .spawn(move || {
                let connected = connect(shared.exports.sent().clone());
                shared.export_until_closed(&scribe, tell, connected);
            })?;
        Ok(processor)
    }

    /// Room for one span, `keep` being the reason if no sampler asked for it.
    /// Without room the span is counted as lost.
    pub(crate) fn reserve(&self, keep: Option<Keep>) -> Option<Slot<'_>> {
        let shared = &*self.0;
        let reason = if shared.closing.load(Ordering::Relaxed) {
            Reason::Shutdown
        } else if shared.take() {
            if let Some(keep) = keep {
                shared.kept[keep as usize].fetch_add(1, Ordering::Relaxed);
            }
            return Some(Slot {
                shared,
                filled: false,
            });
        } else {
            Reason::QueueFull
        };
        shared.ledger.produce(1);
        shared.ledger.drop_for(reason, 1);
        None
    }

    /// Sends beyond the first of an export.
    pub(crate) fn repeated(&self) -> u64 {
        self.0.attempts.repeated()
    }

    /// Spans exported for how their request ended, in the order of [`Keep::ALL`].
    pub(crate) fn kept(&self) -> [u64; Keep::ALL.len()] {
        Keep::ALL.map(|keep| self.0.kept[keep as usize].load(Ordering::Relaxed))
    }

    pub(crate) fn balance(&self) -> Balance {
        let state = self.0.lock();
        self.0
            .ledger
            .balance(state.queue.len() as u64 + state.exporting)
    }

    /// How full the queue is and how the collector takes what it is sent.
    pub(crate) fn outlet(&self) -> Outlet {
        let depth = self.0.lock().queue.len() as u64;
        let capacity = self.0.batching.queue as u64;
        self.0.exports.outlet("traces", Queue { depth, capacity })
    }

    /// Ends a wait in [`Self::close`], now or to come.
    pub(crate) fn hurry(&self) {
        let state = self.0.lock();
        self.0.hurry.store(true, Ordering::Relaxed);
        self.0.done.notify_all();
        drop(state);
    }

    /// Exports what is queued until `deadline`; what is left is counted as lost.
    pub(crate) fn close(&self, deadline: Instant) {
        self.0.closing.store(true, Ordering::Relaxed);
        let mut state = self.0.lock();
        state.closing = true;
        self.0.work.notify_one();
        while !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.0.hurry.load(Ordering::Relaxed) {
                break;
            }
            let waited = self.0.done.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let left = std::mem::take(&mut state.queue);
        drop(state);
        self.0.taken.fetch_sub(left.len(), Ordering::Relaxed);
        self.0.ledger.drop_for(Reason::Shutdown, left.len() as u64);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place of the queue.
    fn take(&self) -> bool {
        let order = Ordering::Relaxed;
        let room = |taken| (taken < self.batching.queue).then_some(taken + 1);
        self.taken.fetch_update(order, order, room).is_ok()
    }

    /// Fills a place that was taken.
    fn push(&self, item: Item) {
        self.ledger.produce(1);
        let mut state = self.lock();
        if state.closing {
            drop(state);
            self.taken.fetch_sub(1, Ordering::Relaxed);
            self.ledger.drop_for(Reason::Shutdown, 1);
            return;
        }
        state.queue.push_back(item);
        // The first span starts the delay, a full batch ends it.
        let wake = state.queue.len() == 1 || state.queue.len() == self.batching.batch;
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    fn export_until_closed(&self, scribe: &Scribe, tell: Tell, connected: Result<Export, String>) {
        // The exporter's client makes events and spans; they are not the service's.
        let _quiet = Context::enter_telemetry_suppressed_scope();
        let mut export = connected.unwrap_or_else(|reason| {
            Box::new(move |_| Err(OTelSdkError::InternalFailure(reason.clone())))
        });
        let mut news = News::new(tell);
        let rejections = Rejections::new();
        let mut items = Vec::with_capacity(self.batching.batch);
        let mut records = Vec::with_capacity(self.batching.batch);
        while self.next_batch(&mut items) {
            let count = items.len() as u64;
            let batch = items
                .drain(..)
                .map(|item| {
                    let mut span = match item {
                        Item::Span(span) => *span,
                        Item::Record(record) => {
                            let span = scribe.span(&record);
                            records.push(record);
                            span
                        }
                    };
                    scribe.bound(&mut span);
                    span
                })
                .collect();
            pool::bring_back(&mut records);
            let begun = Instant::now();
            self.attempts.begin();
            let (result, refused) = rejections.during(|| export(batch));
            let lost = match &result {
                Ok(()) => refused.min(count),
                Err(_) => count,
            };
            self.exports.note(lost == 0, begun.elapsed());
            news.hear(lost, || match result {
                Err(error) => self.attempts.reason().unwrap_or_else(|| error.to_string()),
                Ok(()) => "the collector refused them".into(),
            });
            let mut state = self.lock();
            state.exporting = 0;
            self.ledger.deliver(count - lost);
            self.ledger.drop_for(Reason::ExportFailed, lost);
            if state.queue.is_empty() {
                state.flush = false;
                self.done.notify_all();
            }
        }
        let mut state = self.lock();
        state.closed = true;
        self.done.notify_all();
    }

    /// Waits for a full batch, the delay, a flush or the end; `false` is the end.
    fn next_batch(&self, items: &mut Vec<Item>) -> bool {
        let mut state = self.lock();
        let mut due = None;
        loop {
            let urgent = state.flush || state.closing;
            if !state.queue.is_empty() {
                let now = Instant::now();
                let due = *due.get_or_insert(now + self.batching.delay);
                if urgent || state.queue.len() >= self.batching.batch || now >= due {
                    break;
                }
                let waited = self.work.wait_timeout(state, due - now);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if state.closing {
                return false;
            }
            if state.flush {
                state.flush = false;
                self.done.notify_all();
            }
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.queue.len().min(self.batching.batch);
        items.extend(state.queue.drain(..count));
        state.exporting = count as u64;
        drop(state);
        self.taken.fetch_sub(count, Ordering::Relaxed);
        true
    }
}

/// Tells of the collector's state when it changes, not of every export.
struct News {
    tell: Tell,
    failing: bool,
    told: Option<(bool, Instant)>,
    lost: u64,
}

impl News {
    fn new(tell: Tell) -> Self {
        Self {
            tell,
            failing: false,
            told: None,
            lost: 0,
        }
    }

    /// An export ended, `lost` spans of it were not taken.
    fn hear(&mut self, lost: u64, reason: impl FnOnce() -> String) {
        self.failing = lost > 0;
        self.lost += lost;
        let news = match self.told {
            None => self.failing,
            Some((failing, at)) => failing != self.failing && at.elapsed() >= TELL_AGAIN,
        };
        if !news {
            return;
        }
        let lost = ("lost", self.lost.to_string());
        if self.failing {
            let fields = [("reason", reason()), lost];
            (self.tell)(true, "spans cannot be exported", &fields);
        } else {
            (self.tell)(false, "spans are exported again", &[lost]);
        }
        self.lost = 0;
        self.told = Some((self.failing, Instant::now()));
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if let Some(mut slot) = self.reserve(None) {
            slot.filled = true;
            self.0.push(Item::Span(Box::new(span)));
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let limit = Duration::from_secs(5);
        let mut state = self.0.lock();
        if state.closed {
            return Ok(());
        }
        state.flush = true;
        self.0.work.notify_one();
        let idle = |state: &mut State| state.flush && !state.closed;
        let waited = self.0.done.wait_timeout_while(state, limit, idle);
        let waited = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.1.timed_out() {
            return Err(OTelSdkError::Timeout(limit));
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.close(Instant::now() + timeout);
        Ok(())
    }
}
