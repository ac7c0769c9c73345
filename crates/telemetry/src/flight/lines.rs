//! Captured events as log lines.

use std::fmt::Write as _;

use plimsoll_core::names::key;
use plimsoll_core::record::Record;

use super::To;
use super::arena::Event;
use super::value::{Value, around, fields};
use crate::logs::Format;
use crate::logs::json::{Line, quote};
use crate::logs::layer::RESERVED;

/// Target of the line that says what is missing.
const TARGET: &str = "plimsoll::flight";

/// Writes one event of a request that has ended.
pub(super) fn event(out: &mut String, to: &To<'_>, record: &Record, event: Event<'_>) {
    let mut own = Vec::new();
    let mut message = "";
    let names = event.metadata.fields();
    let cut = fields(names, event.fields, |name, value| match value {
        Value::Text(text) if name == key::MESSAGE => message = text,
        _ => own.push((name, value)),
    });
    let level = event.metadata.level().as_str();
    let target = event.metadata.target();
    let mut row = Row::begin(out, to, record, event.time, level, target, message);
    for (at, (name, json)) in around(event.around).enumerate() {
        // The innermost of a name holds, and the event's own before all.
        let hidden = own.iter().any(|(known, _)| *known == name)
            || around(event.around)
                .skip(at + 1)
                .any(|(later, _)| later == name);
        if !hidden {
            row.field(name, json);
        }
    }
    let mut json = String::new();
    for (name, value) in own {
        json.clear();
        write_json(&mut json, value);
        row.field(name, &json);
    }
    if cut {
        row.field("flight_cut", "true");
    }
    row.end();
}

/// Writes how many events had no room.
pub(super) fn left_out(out: &mut String, to: &To<'_>, record: &Record, count: u64) {
    let message = format!("{count} events left out");
    let mut row = Row::begin(out, to, record, record.ended, "INFO", TARGET, &message);
    row.field("left_out", &count.to_string());
    row.end();
}

fn write_json(out: &mut String, value: Value<'_>) {
    // Writing to a text cannot fail.
    let _ = match value {
        Value::Signed(number) => write!(out, "{number}"),
        Value::Unsigned(number) => write!(out, "{number}"),
        Value::Wide(number) => write!(out, "{number}"),
        Value::WideUnsigned(number) => write!(out, "{number}"),
        Value::Float(number) if number.is_finite() => write!(out, "{number}"),
        Value::Float(number) => write!(out, "\"{number}\""),
        Value::Bool(yes) => write!(out, "{yes}"),
        Value::Text(text) => {
            quote(out, text);
            Ok(())
        }
    };
}

/// A line in either format.
enum Row<'a> {
    Json(Line<'a>),
    Pretty {
        out: &'a mut String,
        target: &'a str,
    },
}

impl<'a> Row<'a> {
    fn begin(
        out: &'a mut String,
        to: &To<'_>,
        record: &Record,
        time: u64,
        level: &str,
        target: &'a str,
        message: &str,
    ) -> Self {
        let time = to.clock.wall(time);
        match to.format {
            Format::Json => {
                let mut line = Line::new(out);
                line.display(key::TIME, humantime::format_rfc3339_micros(time));
                line.text(key::LEVEL, level);
                line.text(key::TARGET, target);
                line.text(key::MESSAGE, message);
                line.text(key::SERVICE, to.service);
                line.display(key::TRACE_ID, record.ids.trace_id);
                line.display(key::SPAN_ID, record.ids.span_id);
                line.text(key::REQUEST_ID, record.ids.request_id.as_str());
                line.raw(key::FLIGHT, "true");
                Self::Json(line)
            }
            Format::Pretty => {
                let time = humantime::format_rfc3339_millis(time);
                let id = record.ids.request_id.as_str();
                let _ = write!(out, "{time} {level:5} flight {id} ");
                // Nothing in a text may move the cursor.
                let mut quoted = String::new();
                quote(&mut quoted, message);
                out.push_str(quoted.trim_matches('"'));
                Self::Pretty { out, target }
            }
        }
    }

    fn field(&mut self, name: &str, json: &str) {
        match self {
            Self::Json(line) if RESERVED.contains(&name) || name == key::FLIGHT => {
                line.raw(&format!("field.{name}"), json);
            }
            Self::Json(line) => line.raw(name, json),
            Self::Pretty { out, .. } => {
                let _ = write!(out, " {name}={json}");
            }
        }
    }

    fn end(self) {
        match self {
            Self::Json(line) => line.end(),
            Self::Pretty { out, target } => {
                let _ = writeln!(out, " ({target})");
            }
        }
    }
}
