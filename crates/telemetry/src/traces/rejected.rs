//! How many spans of an export a collector refused while it answered 200.
//!
//! The OTLP exporter tells this "partial success" by an event of its own and
//! returns `Ok`, so the events of the exporting thread are listened to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Names of the exporters' event, and its field.
const EVENTS: [&str; 2] = [
    "HttpTraceClient.PartialSuccess",
    "TonicTracesClient.PartialSuccess",
];
const FIELD: &str = "rejected_spans";

/// Listens on one thread.
#[derive(Debug)]
pub(super) struct Rejections {
    dispatch: Dispatch,
    count: Arc<AtomicU64>,
}

impl Rejections {
    pub(super) fn new() -> Self {
        let count = Arc::default();
        let listener = Listener(Arc::clone(&count));
        Self {
            dispatch: Dispatch::new(listener),
            count,
        }
    }

    /// Runs an export; returns what it does and how many spans were refused.
    pub(super) fn during<T>(&self, export: impl FnOnce() -> T) -> (T, u64) {
        let done = tracing::dispatcher::with_default(&self.dispatch, export);
        (done, self.count.swap(0, Ordering::Relaxed))
    }
}

struct Listener(Arc<AtomicU64>);

impl Visit for &Listener {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == FIELD {
            let refused = u64::try_from(value).unwrap_or(0);
            self.0.fetch_add(refused, Ordering::Relaxed);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        EVENTS.contains(&metadata.name())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut count = self;
        event.record(&mut count);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exporters_own_event_counts_and_only_once() {
        let rejections = Rejections::new();
        let export = || {
            tracing::warn!(name: "HttpTraceClient.PartialSuccess", rejected_spans = 3_i64);
            tracing::warn!(rejected_spans = 5_i64);
            7
        };
        assert_eq!(rejections.during(export), (7, 3));
        assert_eq!(rejections.during(|| ()), ((), 0));
    }
}
