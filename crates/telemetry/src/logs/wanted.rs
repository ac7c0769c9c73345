//! The one filter in front of the application's events and spans, and the layer
//! behind it, which tells lines from what the flight recorder takes.

use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::layer::EventLines;
use super::levels::Levels;
use crate::flight::Capture;

/// Lets through what is a line or is recorded.
pub(crate) struct Wanted(pub(crate) Arc<Levels>);

impl Wanted {
    /// Tells the filter that goes by spans, if there is one.
    fn tell(&self, tell: impl Fn(&EnvFilter)) {
        if self.0.is_dynamic() {
            self.0.ask(|rules| rules.dynamic().map(&tell));
        }
    }
}

impl<S: Subscriber> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        self.0.ask(|rules| {
            let line = rules.is_line(metadata.target(), *metadata.level());
            let line = line.unwrap_or_else(|| {
                let dynamic = rules.dynamic();
                dynamic.is_some_and(|filter| filter.enabled(metadata, context.clone()))
            });
            line || rules.is_recorded(metadata)
        })
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.0.ask(|rules| rules.interest(metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.ask(super::filter::Rules::max_level))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.tell(|filter| Filter::on_new_span(filter, attributes, id, context.clone()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.tell(|filter| Filter::on_record(filter, id, values, context.clone()));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.tell(|filter| Filter::on_enter(filter, id, context.clone()));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.tell(|filter| Filter::on_exit(filter, id, context.clone()));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.tell(|filter| Filter::on_close(filter, id.clone(), context.clone()));
    }
}

/// Writes an event as a line, or keeps it with its request.
pub(crate) struct Told {
    pub(crate) lines: EventLines,
    pub(crate) capture: Option<Capture>,
    pub(crate) levels: Arc<Levels>,
}

impl Told {
    fn is_line<S: Subscriber>(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if self.levels.is_too_quiet(metadata) {
            return false;
        }
        self.levels.ask(|rules| {
            let of_log = (metadata.target() == FROM_LOG).then(|| LogTarget::of(event));
            let target = of_log.as_deref().unwrap_or(metadata.target());
            let line = rules.is_line(target, *metadata.level());
            line.unwrap_or_else(|| {
                let dynamic = rules.dynamic();
                dynamic.is_some_and(|filter| filter.enabled(metadata, context.clone()))
            })
        })
    }
}

/// Target of the events that `tracing-log` makes of records of `log`.
const FROM_LOG: &str = "log";

/// Where such a record came from.
#[derive(Default)]
struct LogTarget(String);

impl LogTarget {
    fn of(event: &Event<'_>) -> String {
        let mut target = Self::default();
        event.record(&mut target);
        target.0
    }
}

impl Visit for LogTarget {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S> Layer<S> for Told
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.lines.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.lines.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.is_line(event, &context) {
            self.lines.on_event(event, context);
        } else if let Some(capture) = &self.capture {
            capture.event(event, &context);
        }
    }
}
