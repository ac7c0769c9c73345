//! Lines for people at a terminal.

use plimsoll_core::names::value;
use plimsoll_core::outcome::Outcome;
use plimsoll_core::record::Record;
use tracing::{Level, Metadata};

use super::access;
use super::fields::Fields;
use super::stamp::stamp;
use super::style::{Style, level};
use super::write::{escape, integer, quote};

/// Bytes of a time up to the milliseconds.
const MILLIS: usize = 23;

/// The time and the level.
pub(crate) fn begin(out: &mut Vec<u8>, style: &Style, reading: u64, of: Level) {
    out.extend_from_slice(&stamp(&style.clock, reading)[..MILLIS]);
    out.extend_from_slice(b"Z ");
    level(out, of, style.colour);
    out.push(b' ');
}

/// The line of a request.
pub(super) fn request(out: &mut Vec<u8>, style: &Style, record: &Record) {
    begin(out, style, record.ended, access::level(record));
    integer(out, record.status.into());
    let outcome = record.outcome.map_or(value::OTHER, Outcome::as_str);
    for word in [record.method, record.route] {
        out.push(b' ');
        escape(out, word);
    }
    let tenths = record.duration() / 100_000;
    out.push(b' ');
    integer(out, tenths / 10);
    out.push(b'.');
    integer(out, tenths % 10);
    out.extend_from_slice(b" ms ");
    escape(out, outcome);
    if let Some(code) = record.code {
        out.push(b' ');
        escape(out, code);
    }
    if let Some(cause) = &record.cause {
        out.extend_from_slice(b" cause=");
        quote(out, access::shortened_cause(cause));
    }
    for shown in &record.shown {
        out.push(b' ');
        escape(out, shown.key);
        out.push(b'=');
        quote(out, &shown.value);
    }
    out.extend_from_slice(b" request_id=");
    escape(out, record.ids.request_id.as_str());
    out.push(b'\n');
}

/// The line of an event; `spans` writes the fields of the spans around it.
pub(super) fn event(
    out: &mut Vec<u8>,
    style: &Style,
    reading: u64,
    metadata: &Metadata<'_>,
    own: &Fields,
    spans: impl FnOnce(&mut Vec<u8>),
) {
    begin(out, style, reading, *metadata.level());
    out.extend_from_slice(own.message_text());
    spans(out);
    own.pretty(out, None);
    out.extend_from_slice(b" (");
    escape(out, metadata.target());
    out.extend_from_slice(b")\n");
}

/// A line about the service's own life.
pub(super) fn own(
    out: &mut Vec<u8>,
    style: &Style,
    of: Level,
    message: &str,
    fields: &[(&str, &str)],
) {
    begin(out, style, style.clock.now(), of);
    escape(out, message);
    for (name, value) in fields {
        out.push(b' ');
        escape(out, name);
        out.push(b'=');
        // A report is JSON already.
        if value.starts_with('{') {
            out.extend_from_slice(value.as_bytes());
        } else {
            escape(out, value);
        }
    }
    out.push(b'\n');
}
