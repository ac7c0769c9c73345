//! Fields of an event or a span as JSON, ready to be copied into a line.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write as _};

use plimsoll_core::names::key;
use tracing::field::{Field, Visit};

use super::write::{Escaped, escape, float, integer, signed};

/// Bytes of one value that are written; the rest is counted behind them.
const VALUE_MAX: usize = 16 << 10;

/// Errors of a chain that are written.
const CHAIN_MAX: usize = 16;

/// Buffers over this are not kept for the next event.
const KEPT: usize = 64 << 10;

/// `,"name":value` for each field, the latest of a name winning.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    json: Vec<u8>,
    entries: Vec<Entry>,
    /// The text of an event, with its quotes.
    message: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: &'static str,
    /// Where `,"name":value` begins, where the value does, and where it ends.
    from: usize,
    value: usize,
    to: usize,
}

thread_local! {
    static OF_EVENT: Cell<Option<Fields>> = const { Cell::new(None) };
}

/// Gives empty fields to `act`, with the buffers of the thread's event before.
/// An event within another, such as one that a value's `Debug` logs, gets its own.
pub(super) fn with<R>(act: impl FnOnce(&mut Fields) -> R) -> R {
    let kept = OF_EVENT.try_with(Cell::take);
    let mut fields = kept.ok().flatten().unwrap_or_default();
    fields.json.clear();
    fields.entries.clear();
    fields.message.clear();
    let result = act(&mut fields);
    if fields.json.capacity() <= KEPT && fields.message.capacity() <= KEPT {
        let _ = OF_EVENT.try_with(|of_event| of_event.set(Some(fields)));
    }
    result
}

impl Fields {
    /// Takes in the fields of an event: its message apart.
    pub(super) fn of_event(&mut self) -> impl Visit {
        Visitor {
            fields: self,
            of_event: true,
        }
    }

    /// Takes in the fields of a span, anew or more of them.
    pub(super) fn of_span(&mut self) -> impl Visit {
        Visitor {
            fields: self,
            of_event: false,
        }
    }

    /// The message as JSON.
    pub(super) fn message_json(&self) -> &[u8] {
        if self.message.is_empty() {
            b"\"\""
        } else {
            &self.message
        }
    }

    /// The message without its quotes.
    pub(super) fn message_text(&self) -> &[u8] {
        let text = self.message.strip_prefix(b"\"");
        text.and_then(|text| text.strip_suffix(b"\""))
            .unwrap_or(&self.message)
    }

    /// Appends `,"name":value` of those that nothing later shadows.
    pub(super) fn json(&self, out: &mut Vec<u8>, later: Option<&Later<'_>>) {
        let shadowed = |entry: &&Entry| Later::has(later, entry.name);
        if !self.entries.iter().any(|entry| shadowed(&entry)) {
            out.extend_from_slice(&self.json);
            return;
        }
        for entry in self.entries.iter().filter(|entry| !shadowed(entry)) {
            out.extend_from_slice(&self.json[entry.from..entry.to]);
        }
    }

    /// Appends ` name=value` of those that nothing later shadows.
    pub(super) fn pretty(&self, out: &mut Vec<u8>, later: Option<&Later<'_>>) {
        for entry in &self.entries {
            if !Later::has(later, entry.name) {
                out.push(b' ');
                escape(out, entry.name);
                out.push(b'=');
                out.extend_from_slice(&self.json[entry.value..entry.to]);
            }
        }
    }

    /// Each field and its value as JSON.
    pub(super) fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for entry in &self.entries {
            each(entry.name, &self.json[entry.value..entry.to]);
        }
    }

    fn begin(&mut self, name: &'static str) -> Entry {
        if let Some(at) = self.entries.iter().position(|entry| entry.name == name) {
            self.forget(at);
        }
        let from = self.json.len();
        self.json.extend_from_slice(b",\"");
        if is_reserved(name) {
            self.json.extend_from_slice(key::FIELD_PREFIX.as_bytes());
        }
        escape(&mut self.json, name);
        self.json.extend_from_slice(b"\":");
        let value = self.json.len();
        Entry {
            name,
            from,
            value,
            to: value,
        }
    }

    fn forget(&mut self, at: usize) {
        let gone = self.entries.remove(at);
        self.json.drain(gone.from..gone.to);
        let width = gone.to - gone.from;
        for entry in &mut self.entries[at..] {
            entry.from -= width;
            entry.value -= width;
            entry.to -= width;
        }
    }
}

/// The fields that stand further in: of the event, of the spans around it
/// outwards. They win over those of a span further out.
pub(super) struct Later<'a> {
    pub(super) fields: &'a Fields,
    pub(super) inner: Option<&'a Later<'a>>,
}

impl Later<'_> {
    fn has(mut later: Option<&Self>, name: &str) -> bool {
        while let Some(Later { fields, inner }) = later {
            if fields.entries.iter().any(|entry| entry.name == name) {
                return true;
            }
            later = *inner;
        }
        false
    }
}

struct Visitor<'a> {
    fields: &'a mut Fields,
    of_event: bool,
}

impl Visitor<'_> {
    fn value(&mut self, field: &Field, write: impl FnOnce(&mut Vec<u8>)) {
        let name = field.name();
        // A raw identifier keeps its mark in the name.
        let name = name.strip_prefix("r#").unwrap_or(name);
        let fields = &mut *self.fields;
        if self.of_event && name == key::MESSAGE {
            fields.message.clear();
            write(&mut fields.message);
            return;
        }
        let mut entry = fields.begin(name);
        write(&mut fields.json);
        entry.to = fields.json.len();
        fields.entries.push(entry);
    }

    fn formatted(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.value(field, |out| {
            out.push(b'"');
            let mut escaped = Escaped::new(out, VALUE_MAX);
            // A value that cannot format itself leaves what it wrote.
            let _ = escaped.write_fmt(value);
            escaped.end();
            out.push(b'"');
        });
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.value(field, |out| {
            out.push(b'"');
            let mut escaped = Escaped::new(out, VALUE_MAX);
            let _ = escaped.write_str(value);
            escaped.end();
            out.push(b'"');
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, |out| signed(out, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field, |out| integer(out, value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let digits = value.to_string();
        self.value(field, |out| out.extend_from_slice(digits.as_bytes()));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let digits = value.to_string();
        self.value(field, |out| out.extend_from_slice(digits.as_bytes()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.value(field, |out| out.extend_from_slice(word));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field, |out| float(out, value));
    }

    /// Two hexadecimal digits a byte.
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.formatted(field, format_args!("{}", Hex(value)));
    }

    /// The error and its sources, as one text.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.formatted(field, format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.formatted(field, format_args!("{value:?}"));
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        for bytes in self.0.chunks(32) {
            let text = plimsoll_core::ids::hex(bytes, &mut digits[..bytes.len() * 2]);
            f.write_str(std::str::from_utf8(text).unwrap_or_default())?;
        }
        Ok(())
    }
}

struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error = self.0;
        write!(f, "{error}")?;
        for _ in 1..CHAIN_MAX {
            let Some(source) = error.source() else {
                return Ok(());
            };
            write!(f, ": {source}")?;
            error = source;
        }
        Ok(())
    }
}

/// Keys of the line itself; a field of such a name gets a prefix.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        key::TIME
            | key::LEVEL
            | key::TARGET
            | key::MESSAGE
            | key::SERVICE
            | key::TRACE_ID
            | key::SPAN_ID
            | key::REQUEST_ID
    )
}
