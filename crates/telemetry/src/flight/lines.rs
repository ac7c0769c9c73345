//! Captured events as log lines.

use plimsoll_core::names::key;
use plimsoll_core::record::Record;
use tracing::Level;

use super::To;
use super::arena::Event;
use super::value::{Value, around, fields};
use crate::logs::Format;
use crate::logs::fields::is_reserved;
use crate::logs::json::Line;
use crate::logs::pretty;
use crate::logs::write::{escape, float, integer, quote, signed};

/// Target of the line that says what is missing.
const TARGET: &str = "plimsoll::flight";

/// Writes one event of a request that has ended.
pub(super) fn event(out: &mut Vec<u8>, to: &To<'_>, record: &Record, event: Event<'_>) {
    let mut own = Vec::new();
    let mut message = "";
    let names = event.metadata.fields();
    let cut = fields(names, event.fields, |name, value| match value {
        Value::Text(text) if name == key::MESSAGE => message = text,
        _ => own.push((name, value)),
    });
    let level = *event.metadata.level();
    let target = event.metadata.target();
    let mut row = Row::begin(out, to, record, event.time, level, target, message);
    for (at, (name, json)) in around(event.around).enumerate() {
        // The innermost of a name holds, and the event's own before all.
        let hidden = own.iter().any(|(known, _)| *known == name)
            || around(event.around)
                .skip(at + 1)
                .any(|(later, _)| later == name);
        if !hidden {
            row.field(name, json.as_bytes());
        }
    }
    let mut json = Vec::new();
    for (name, value) in own {
        json.clear();
        write_json(&mut json, value);
        row.field(name, &json);
    }
    if cut {
        row.field("flight_cut", b"true");
    }
    row.end();
}

/// Writes how many events had no room.
pub(super) fn left_out(out: &mut Vec<u8>, to: &To<'_>, record: &Record, count: u64) {
    let message = format!("{count} events left out");
    let mut row = Row::begin(out, to, record, record.ended, Level::INFO, TARGET, &message);
    row.field("left_out", count.to_string().as_bytes());
    row.end();
}

fn write_json(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Signed(number) => signed(out, number),
        Value::Unsigned(number) => integer(out, number),
        Value::Wide(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::WideUnsigned(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Float(number) => float(out, number),
        Value::Bool(yes) => out.extend_from_slice(if yes { b"true" } else { b"false" }),
        Value::Text(text) => quote(out, text),
    }
}

/// A line in either format.
enum Row<'a> {
    Json(Line<'a>),
    Pretty {
        out: &'a mut Vec<u8>,
        target: &'a str,
    },
}

impl<'a> Row<'a> {
    fn begin(
        out: &'a mut Vec<u8>,
        to: &To<'_>,
        record: &Record,
        time: u64,
        level: Level,
        target: &'a str,
        message: &str,
    ) -> Self {
        match to.style.format {
            Format::Json => {
                let mut line = to.style.line(out, time, level, target, message);
                line.display(key::TRACE_ID, record.ids.trace_id);
                line.display(key::SPAN_ID, record.ids.span_id);
                line.text(key::REQUEST_ID, record.ids.request_id.as_str());
                line.raw(key::FLIGHT, b"true");
                Self::Json(line)
            }
            Format::Pretty => {
                pretty::begin(out, to.style, time, level);
                out.extend_from_slice(b"flight ");
                escape(out, record.ids.request_id.as_str());
                out.push(b' ');
                escape(out, message);
                Self::Pretty { out, target }
            }
        }
    }

    fn field(&mut self, name: &str, json: &[u8]) {
        match self {
            Self::Json(line) if is_reserved(name) || name == key::FLIGHT => {
                line.raw(&format!("{}{name}", key::FIELD_PREFIX), json);
            }
            Self::Json(line) => line.raw(name, json),
            Self::Pretty { out, .. } => {
                out.push(b' ');
                escape(out, name);
                out.push(b'=');
                out.extend_from_slice(json);
            }
        }
    }

    fn end(self) {
        match self {
            Self::Json(line) => line.end(),
            Self::Pretty { out, target } => {
                out.extend_from_slice(b" (");
                escape(out, target);
                out.extend_from_slice(b")\n");
            }
        }
    }
}
