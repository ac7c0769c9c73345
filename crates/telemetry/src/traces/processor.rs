//! A bounded span processor that counts what it loses; the SDK's own hides its
//! drops and exports spans that were not sampled.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

use super::rejected::Rejections;
use crate::exports::{Exports, Outlet, Queue};
use crate::ledger::{Balance, Ledger, Reason};

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

/// A shared handle on the queue and its exporting thread.
#[derive(Debug, Clone)]
pub(crate) struct BoundedProcessor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
    batching: Batching,
    ledger: Ledger,
    exports: Exports,
    /// Set under the lock of `state`, so that nobody who waits misses it.
    hurry: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<SpanData>,
    exporting: u64,
    resource: Option<Resource>,
    flush: bool,
    closing: bool,
    closed: bool,
}

impl BoundedProcessor {
    /// Starts the exporting thread. `connect` makes the exporter on that
    /// thread, because its blocking client must not be made inside a runtime.
    pub(crate) fn start<E: SpanExporter + 'static>(
        batching: Batching,
        connect: impl FnOnce() -> Result<E, String> + Send + 'static,
    ) -> std::io::Result<Self> {
        let processor = Self(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            batching,
            ledger: Ledger::default(),
            exports: Exports::default(),
            hurry: AtomicBool::new(false),
        }));
        let shared = Arc::clone(&processor.0);
        std::thread::Builder::new()
            .name("plimsoll-spans".into())
            .spawn(move || shared.export_until_closed(connect()))?;
        Ok(processor)
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
        let left = state.queue.len() as u64;
        state.queue.clear();
        self.0.ledger.drop_for(Reason::Shutdown, left);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn export_until_closed<E: SpanExporter>(&self, exporter: Result<E, String>) {
        // The exporter's client makes events and spans; they are not the service's.
        let _quiet = Context::enter_telemetry_suppressed_scope();
        let mut exporter = exporter.ok();
        let mut resource_known = false;
        let rejections = Rejections::new();
        while let Some((batch, resource)) = self.next_batch() {
            if let (Some(exporter), Some(resource), false) =
                (&mut exporter, resource, resource_known)
            {
                exporter.set_resource(&resource);
                resource_known = true;
            }
            let count = batch.len() as u64;
            let begun = Instant::now();
            let (taken, refused) = rejections.during(|| {
                exporter.as_ref().is_some_and(|exporter| {
                    futures_executor::block_on(exporter.export(batch)).is_ok()
                })
            });
            let lost = if taken { refused.min(count) } else { count };
            self.exports.note(taken && lost == 0, begun.elapsed());
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

    /// Waits for a full batch, the delay, a flush or the end; `None` is the end.
    fn next_batch(&self) -> Option<(Vec<SpanData>, Option<Resource>)> {
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
                return None;
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
        let take = state.queue.len().min(self.batching.batch);
        let batch: Vec<_> = state.queue.drain(..take).collect();
        state.exporting = batch.len() as u64;
        Some((batch, state.resource.clone()))
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let shared = &*self.0;
        let mut state = shared.lock();
        shared.ledger.produce(1);
        if state.closing {
            shared.ledger.drop_for(Reason::Shutdown, 1);
        } else if state.queue.len() >= shared.batching.queue {
            shared.ledger.drop_for(Reason::QueueFull, 1);
        } else {
            state.queue.push_back(span);
            // The first span starts the delay, a full batch ends it.
            let wake = state.queue.len() == 1 || state.queue.len() == shared.batching.batch;
            drop(state);
            if wake {
                shared.work.notify_one();
            }
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

    fn set_resource(&mut self, resource: &Resource) {
        self.0.lock().resource = Some(resource.clone());
    }
}
