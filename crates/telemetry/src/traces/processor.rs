//! The queue of spans and what is done with them on the exporting thread; the
//! SDK's own processor hides its drops and exports spans that were not sampled.
//!
//! A finished record is queued as it is and made into a span on the exporting
//! thread. Room is reserved first and filled last, so that a record's other
//! signals know whether its trace is really kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
use crate::exports::{Outlet, Sent};
use crate::ledger::Balance;
pub(super) use crate::outbox::Batching;
use crate::outbox::{self, Outbox};
use crate::pool;

/// Sends a batch; made and called on the exporting thread only.
pub(super) type Export = Box<dyn FnMut(Vec<SpanData>) -> OTelSdkResult>;

/// Writes a line about the service's own life: whether it is bad news, a text
/// and fields.
pub(crate) type Tell = Box<dyn Fn(bool, &str, &[(&str, String)]) + Send>;

/// Between two lines about the collector's state.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// A shared handle on the queue and its exporting thread.
#[derive(Debug, Clone)]
pub(crate) struct BoundedProcessor {
    outbox: Outbox<Item>,
    attempts: Arc<Attempts>,
    kept: Arc<[AtomicU64; Keep::ALL.len()]>,
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
pub(crate) struct Slot<'a>(outbox::Slot<'a, Item>);

impl Slot<'_> {
    /// Queues a finished record.
    pub(crate) fn fill(self, mut record: Box<Record>) {
        pool::part(&mut record);
        if let Some(traced) = Traced::of(&mut record) {
            traced.context = None;
        }
        self.0.fill(Item::Record(record));
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
        let of_thread = Arc::clone(&attempts);
        let connect = move |sent| exporting(scribe, of_thread, tell, connect(sent));
        Ok(Self {
            outbox: Outbox::start("plimsoll-spans", batching, connect)?,
            attempts,
            kept: Arc::default(),
        })
    }

    /// Room for one span, `keep` being the reason if no sampler asked for it.
    /// Without room the span is counted as lost.
    pub(crate) fn reserve(&self, keep: Option<Keep>) -> Option<Slot<'_>> {
        let slot = self.outbox.reserve()?;
        if let Some(keep) = keep {
            self.kept[keep as usize].fetch_add(1, Ordering::Relaxed);
        }
        Some(Slot(slot))
    }

    /// Sends beyond the first of an export.
    pub(crate) fn repeated(&self) -> u64 {
        self.attempts.repeated()
    }

    /// Spans exported for how their request ended, in the order of [`Keep::ALL`].
    pub(crate) fn kept(&self) -> [u64; Keep::ALL.len()] {
        Keep::ALL.map(|keep| self.kept[keep as usize].load(Ordering::Relaxed))
    }

    pub(crate) fn balance(&self) -> Balance {
        self.outbox.balance()
    }

    /// How full the queue is and how the collector takes what it is sent.
    pub(crate) fn outlet(&self) -> Outlet {
        self.outbox.outlet("traces")
    }

    /// Ends a wait in [`Self::close`], now or to come.
    pub(crate) fn hurry(&self) {
        self.outbox.hurry();
    }

    /// Exports what is queued until `deadline`; what is left is counted as lost.
    pub(crate) fn close(&self, deadline: Instant) {
        self.outbox.close(deadline);
    }
}

/// What the exporting thread does with a batch.
fn exporting(
    scribe: Scribe,
    attempts: Arc<Attempts>,
    tell: Tell,
    connected: Result<Export, String>,
) -> outbox::Send<Item> {
    // The exporter's client makes events and spans; they are not the service's.
    let quiet = Context::enter_telemetry_suppressed_scope();
    let mut export = connected.unwrap_or_else(|reason| {
        Box::new(move |_| Err(OTelSdkError::InternalFailure(reason.clone())))
    });
    let mut news = News::new(tell);
    let rejections = Rejections::new();
    let mut records = Vec::new();
    Box::new(move |items| {
        let _ = &quiet;
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
        attempts.begin();
        let (result, refused) = rejections.during(|| export(batch));
        let lost = match &result {
            Ok(()) => refused.min(count),
            Err(_) => count,
        };
        news.hear(lost, || match result {
            Err(error) => attempts.reason().unwrap_or_else(|| error.to_string()),
            Ok(()) => "the collector refused them".into(),
        });
        lost
    })
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
        if let Some(Slot(slot)) = self.reserve(None) {
            slot.fill(Item::Span(Box::new(span)));
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let limit = Duration::from_secs(5);
        let sent = self.outbox.flush(limit);
        sent.then_some(()).ok_or(OTelSdkError::Timeout(limit))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.close(Instant::now() + timeout);
        Ok(())
    }
}
