//! The application's own `tracing` events as lines, with the ids of the request
//! being polled and the fields of the spans around them, flat.

use std::sync::Arc;

use plimsoll_core::current;
use plimsoll_core::names::key;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::callsite::{Callsite, Callsites, Taken};
use super::fields::{self, Fields, Later};
use super::json::key;
use super::sink::LogSink;
use super::stamp::stamp;
use super::style::Style;
use super::{Format, pretty, scratch};

/// Writes events to the instance's log.
pub(crate) struct EventLines {
    pub(crate) sink: LogSink,
    pub(crate) style: Arc<Style>,
    pub(crate) callsites: Arc<Callsites>,
    /// Tells the instances of a process apart.
    pub(crate) owner: u64,
}

/// The fields of a span as each instance in its registry sees them: their
/// filters differ. The first instance needs no list.
#[derive(Default)]
struct SpanFields {
    owner: u64,
    fields: Fields,
    others: Vec<(u64, Fields)>,
}

impl SpanFields {
    fn of(&self, owner: u64) -> Option<&Fields> {
        if self.owner == owner {
            return Some(&self.fields);
        }
        let other = self.others.iter().find(|(of, _)| *of == owner);
        other.map(|(_, fields)| fields)
    }

    fn of_mut(&mut self, owner: u64) -> &mut Fields {
        if self.owner == 0 {
            self.owner = owner;
        }
        if self.owner == owner {
            return &mut self.fields;
        }
        let at = self.others.iter().position(|(of, _)| *of == owner);
        let at = at.unwrap_or_else(|| {
            self.others.push((owner, Fields::default()));
            self.others.len() - 1
        });
        &mut self.others[at].1
    }
}

/// Gives the fields of the spans around an event, outermost first, as JSON.
pub(crate) fn span_fields<S>(
    event: &Event<'_>,
    context: &Context<'_, S>,
    owner: u64,
    mut each: impl FnMut(&str, &[u8]),
) where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    outermost_first(context.event_span(event).as_ref(), owner, &mut each);
}

fn outermost_first<S>(span: Option<&SpanRef<'_, S>>, owner: u64, each: &mut dyn FnMut(&str, &[u8]))
where
    S: for<'a> LookupSpan<'a>,
{
    let Some(span) = span else { return };
    outermost_first(span.parent().as_ref(), owner, each);
    let extensions = span.extensions();
    let fields = extensions.get::<SpanFields>();
    if let Some(fields) = fields.and_then(|fields| fields.of(owner)) {
        fields.each(each);
    }
}

impl<S> Layer<S> for EventLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.values().is_empty() {
            return;
        }
        if let Some(span) = context.span(id) {
            self.note(&span, |fields| attributes.record(&mut fields.of_span()));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            self.note(&span, |fields| values.record(&mut fields.of_span()));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let now = self.style.clock.now();
        let metadata = event.metadata();
        let callsite = self.callsites.of(metadata);
        let taken = callsite.map_or(Taken::Line, |callsite| self.callsites.take(callsite, now));
        if taken != Taken::Line {
            self.sink.suppressed(taken == Taken::FirstSuppressed);
            return;
        }
        fields::with(|own| {
            event.record(&mut own.of_event());
            let span = context.event_span(event);
            scratch::with(|out| {
                match self.style.format {
                    Format::Json => {
                        let alone;
                        let callsite = if let Some(callsite) = callsite {
                            callsite
                        } else {
                            alone = Callsite::new(metadata);
                            &alone
                        };
                        self.json(out, now, callsite, own, span.as_ref());
                    }
                    Format::Pretty => {
                        let innermost = Later {
                            fields: own,
                            inner: None,
                        };
                        pretty::event(out, &self.style, now, metadata, own, |out| {
                            self.spans(out, span.as_ref(), &innermost, Fields::pretty);
                        });
                    }
                }
                self.sink.submit(out);
            });
        });
    }
}

type Write = fn(&Fields, &mut Vec<u8>, Option<&Later<'_>>);

impl EventLines {
    fn note<S>(&self, span: &SpanRef<'_, S>, record: impl FnOnce(&mut Fields))
    where
        S: for<'a> LookupSpan<'a>,
    {
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<SpanFields>() {
            record(fields.of_mut(self.owner));
            return;
        }
        let mut fields = SpanFields::default();
        record(fields.of_mut(self.owner));
        extensions.insert(fields);
    }

    fn json<S>(
        &self,
        out: &mut Vec<u8>,
        now: u64,
        callsite: &Callsite,
        own: &Fields,
        span: Option<&SpanRef<'_, S>>,
    ) where
        S: for<'a> LookupSpan<'a>,
    {
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(&stamp(&self.style.clock, now));
        out.extend_from_slice(callsite.lead());
        out.extend_from_slice(own.message_json());
        out.extend_from_slice(&self.style.service_json);
        if let Some(ids) = current::ids() {
            out.extend_from_slice(key!(key::TRACE_ID));
            out.push(b'"');
            out.extend_from_slice(&ids.trace_id.digits());
            out.push(b'"');
            out.extend_from_slice(key!(key::SPAN_ID));
            out.push(b'"');
            out.extend_from_slice(&ids.span_id.digits());
            out.push(b'"');
            out.extend_from_slice(key!(key::REQUEST_ID));
            out.push(b'"');
            out.extend_from_slice(ids.request_id.as_str().as_bytes());
            out.push(b'"');
        }
        let innermost = Later {
            fields: own,
            inner: None,
        };
        self.spans(out, span, &innermost, Fields::json);
        own.json(out, None);
        out.extend_from_slice(b"}\n");
    }

    /// The fields of a span and those around it, the outermost first.
    fn spans<S>(
        &self,
        out: &mut Vec<u8>,
        span: Option<&SpanRef<'_, S>>,
        later: &Later<'_>,
        write: Write,
    ) where
        S: for<'a> LookupSpan<'a>,
    {
        let Some(span) = span else { return };
        let extensions = span.extensions();
        let fields = extensions.get::<SpanFields>();
        let Some(fields) = fields.and_then(|fields| fields.of(self.owner)) else {
            self.spans(out, span.parent().as_ref(), later, write);
            return;
        };
        let here = Later {
            fields,
            inner: Some(later),
        };
        self.spans(out, span.parent().as_ref(), &here, write);
        write(fields, out, Some(later));
    }
}

#[cfg(test)]
mod tests;
