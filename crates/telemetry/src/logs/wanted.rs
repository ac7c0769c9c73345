//! The one filter in front of the application's events and spans, and the layer
//! behind it, which tells lines from what the flight recorder takes.

use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::layer::EventLines;
use super::levels::{Class, Levels};
use crate::flight::Capture;
use crate::sentry::Crumbs;

/// The most verbose events that crumbs are made of.
const CRUMBS: Level = Level::WARN;

/// Lets through what is a line or is recorded, and the warnings that crumbs are
/// made of. One filter for all of them: where several differ about a callsite,
/// all are asked at each event.
pub(crate) struct Wanted {
    pub(crate) levels: Arc<Levels>,
    pub(crate) crumbs: bool,
}

impl Wanted {
    fn is_crumb(&self, metadata: &Metadata<'_>) -> bool {
        self.crumbs && metadata.is_event() && *metadata.level() <= CRUMBS
    }

    /// Tells the filter that goes by spans, if there is one.
    fn tell(&self, tell: impl Fn(&EnvFilter)) {
        if self.levels.is_dynamic() {
            self.levels.ask(|rules| rules.dynamic().map(&tell));
        }
    }
}

impl<S: Subscriber> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if self.is_crumb(metadata)
            || metadata.is_event() && self.levels.may_record(*metadata.level())
        {
            // Asked only of callsites that somebody wants; `Told` looks closer.
            return true;
        }
        self.levels.ask(|rules| {
            let line = rules.is_line(metadata.target(), *metadata.level());
            let line = line.unwrap_or_else(|| {
                let dynamic = rules.dynamic();
                dynamic.is_some_and(|filter| filter.enabled(metadata, context.clone()))
            });
            line || rules.is_recorded(metadata)
        })
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.levels.ask(|rules| rules.interest(metadata));
        if self.is_crumb(metadata) {
            return Interest::always();
        }
        interest
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let most = self.levels.ask(super::filter::Rules::max_level);
        let crumbs = self.crumbs.then_some(LevelFilter::from_level(CRUMBS));
        Some(most.max(crumbs.unwrap_or(LevelFilter::OFF)))
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
    pub(crate) crumbs: Option<Crumbs>,
    pub(crate) levels: Arc<Levels>,
}

impl Told {
    fn class<S: Subscriber>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Class {
        let metadata = event.metadata();
        if metadata.target() == FROM_LOG {
            return self.class_of_log(event);
        }
        let class = self.levels.class(metadata);
        if class != Class::Asks {
            return class;
        }
        self.levels.ask(|rules| {
            let dynamic = rules.dynamic();
            if dynamic.is_some_and(|filter| filter.enabled(metadata, context.clone())) {
                Class::Line
            } else if rules.is_recorded(metadata) {
                Class::Quiet
            } else {
                Class::Neither
            }
        })
    }

    /// A record of `log` has its true target in a field. What the moment's
    /// spans would have to tell is a line: rather one too many than one lost.
    fn class_of_log(&self, event: &Event<'_>) -> Class {
        let target = LogTarget::of(event);
        let level = *event.metadata().level();
        self.levels
            .ask(|rules| match rules.is_line(&target, level) {
                None | Some(true) => Class::Line,
                Some(false) if rules.is_quiet(&target, level) => Class::Quiet,
                Some(false) => Class::Neither,
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
        if let Some(crumbs) = &self.crumbs {
            crumbs.on_event(event, context.clone());
        }
        match (self.class(event, &context), &self.capture) {
            (Class::Line, _) => self.lines.on_event(event, context),
            (Class::Quiet, Some(capture)) => capture.event(event, &context),
            _ => {}
        }
    }
}
