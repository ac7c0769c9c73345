//! The application's own `tracing` events as lines, with the ids of the request
//! being polled and the fields of the spans around them, flat.

use std::fmt;
use std::time::SystemTime;

use plimsoll_core::current;
use plimsoll_core::names::key;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::Format;
use super::json::{Line, quote};
use super::sink::LogSink;

/// Writes events to the instance's log.
pub(crate) struct EventLines {
    pub(crate) sink: LogSink,
    pub(crate) format: Format,
    pub(crate) service: String,
}

/// Keys of the line itself; a field with such a name is written as `field.<name>`.
pub(crate) const RESERVED: [&str; 8] = [
    key::TIME,
    key::LEVEL,
    key::TARGET,
    key::MESSAGE,
    key::SERVICE,
    key::TRACE_ID,
    key::SPAN_ID,
    key::REQUEST_ID,
];

/// Field names and their values as JSON, the latest of a name winning.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn set(&mut self, name: &'static str, json: String) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => *value = json,
            None => self.0.push((name, json)),
        }
    }

    fn text(&mut self, name: &'static str, text: &str) {
        let mut json = String::with_capacity(text.len() + 2);
        quote(&mut json, text);
        self.set(name, json);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.set(field.name(), value.to_string());
        } else {
            self.text(field.name(), &value.to_string());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

/// Gives the fields of the spans around an event, outermost first, as JSON.
pub(crate) fn span_fields<S>(
    event: &Event<'_>,
    context: &Context<'_, S>,
    mut each: impl FnMut(&str, &str),
) where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(scope) = context.event_scope(event) else {
        return;
    };
    for span in scope.from_root() {
        if let Some(of_span) = span.extensions().get::<Fields>() {
            for (name, json) in &of_span.0 {
                each(name, json);
            }
        }
    }
}

impl<S> Layer<S> for EventLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        // Two instances in one registry see the same extensions.
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        if let Some(scope) = context.event_scope(event) {
            for span in scope.from_root() {
                if let Some(of_span) = span.extensions().get::<Fields>() {
                    for (name, json) in &of_span.0 {
                        fields.set(name, json.clone());
                    }
                }
            }
        }
        event.record(&mut fields);
        let message = fields
            .0
            .iter()
            .position(|(name, _)| *name == key::MESSAGE)
            .map(|at| fields.0.remove(at).1);
        let time = SystemTime::now();
        self.sink.line(|out| match self.format {
            Format::Json => self.json(out, time, event, message.as_deref(), &fields),
            Format::Pretty => pretty(out, time, event, message.as_deref(), &fields),
        });
    }
}

impl EventLines {
    fn json(
        &self,
        out: &mut String,
        time: SystemTime,
        event: &Event<'_>,
        message: Option<&str>,
        fields: &Fields,
    ) {
        let mut line = Line::new(out);
        line.display(key::TIME, humantime::format_rfc3339_micros(time));
        line.text(key::LEVEL, event.metadata().level().as_str());
        line.text(key::TARGET, event.metadata().target());
        line.raw(key::MESSAGE, message.unwrap_or("\"\""));
        line.text(key::SERVICE, &self.service);
        if let Some(ids) = current::ids() {
            line.display(key::TRACE_ID, ids.trace_id);
            line.display(key::SPAN_ID, ids.span_id);
            line.text(key::REQUEST_ID, ids.request_id.as_str());
        }
        for (name, json) in &fields.0 {
            if RESERVED.contains(name) {
                line.raw(&format!("field.{name}"), json);
            } else {
                line.raw(name, json);
            }
        }
        line.end();
    }
}

fn pretty(
    out: &mut String,
    time: SystemTime,
    event: &Event<'_>,
    message: Option<&str>,
    fields: &Fields,
) {
    use std::fmt::Write as _;
    let time = humantime::format_rfc3339_millis(time);
    let metadata = event.metadata();
    let text = message.unwrap_or("\"\"").trim_matches('"');
    let _ = write!(out, "{time} {:5} {text}", metadata.level());
    for (name, json) in &fields.0 {
        let _ = write!(out, " {name}={json}");
    }
    let _ = writeln!(out, " ({})", metadata.target());
}
