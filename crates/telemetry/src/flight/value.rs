//! Field values as bytes: numbers and texts are copied, what only `Debug` or
//! `Display` can show is formatted. Nothing is turned into JSON before it is read.

use std::error::Error;
use std::fmt::{self, Write as _};

use tracing::field::{Field, FieldSet, Visit};

/// A value read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Signed(i64),
    Unsigned(u64),
    Wide(i128),
    WideUnsigned(u128),
    Float(f64),
    Bool(bool),
    Text(&'a str),
}

const SIGNED: u8 = 0;
const UNSIGNED: u8 = 1;
const WIDE: u8 = 2;
const WIDE_UNSIGNED: u8 = 3;
const FLOAT: u8 = 4;
const BOOL: u8 = 5;
const TEXT: u8 = 6;

/// Ends the fields of an event of which something had no room.
const CUT: u8 = u8::MAX;

/// Bytes that [`Writer::end`] may need.
pub(crate) const MARK: usize = 1;

/// Appends values up to a limit.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    cut: bool,
}

impl<'a> Writer<'a> {
    /// Lets `out` grow to `limit` bytes.
    pub(crate) fn new(out: &'a mut Vec<u8>, limit: usize) -> Self {
        Self {
            out,
            limit,
            cut: false,
        }
    }

    /// A span's field, already JSON; left out whole when it has no room.
    pub(crate) fn around(&mut self, name: &str, json: &[u8]) {
        let (Ok(name_length), Ok(length)) = (u8::try_from(name.len()), u16::try_from(json.len()))
        else {
            return;
        };
        if self.out.len() + 3 + name.len() + json.len() > self.limit {
            return;
        }
        self.out.push(name_length);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(&length.to_le_bytes());
        self.out.extend_from_slice(json);
    }

    /// The field's place in its callsite, if `needed` bytes have room.
    fn index(&mut self, field: &Field, needed: usize) -> Option<u8> {
        let index = u8::try_from(field.index()).ok();
        let index = index.filter(|index| *index != CUT && self.out.len() + needed <= self.limit);
        self.cut |= index.is_none();
        index
    }

    fn plain<const N: usize>(&mut self, field: &Field, kind: u8, bytes: [u8; N]) {
        let Some(index) = self.index(field, 2 + N) else {
            return;
        };
        self.out.extend_from_slice(&[index, kind]);
        self.out.extend_from_slice(&bytes);
    }

    fn text(&mut self, field: &Field, write: impl FnOnce(&mut Text<'_, 'a>) -> fmt::Result) {
        let Some(index) = self.index(field, 4) else {
            return;
        };
        self.out.extend_from_slice(&[index, TEXT, 0, 0]);
        let start = self.out.len();
        // An error means that there was no room, which is noted.
        let _ = write(&mut Text(self));
        let length = (self.out.len() - start) as u16;
        if let Some(place) = self.out.get_mut(start - 2..start) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    /// Marks an event of which something had no room.
    pub(crate) fn end(self) {
        if self.cut {
            self.out.push(CUT);
        }
    }
}

/// Appends text to a writer, cut at a character's boundary.
struct Text<'w, 'a>(&'w mut Writer<'a>);

impl fmt::Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.0.limit.saturating_sub(self.0.out.len());
        if text.len() <= room {
            self.0.out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let fits = text.floor_char_boundary(room);
        self.0.out.extend_from_slice(&text.as_bytes()[..fits]);
        self.0.cut = true;
        // Ends the formatting of what is too long anyway.
        Err(fmt::Error)
    }
}

impl Visit for Writer<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, FLOAT, value.to_le_bytes());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, SIGNED, value.to_le_bytes());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, UNSIGNED, value.to_le_bytes());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.plain(field, WIDE, value.to_le_bytes());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.plain(field, WIDE_UNSIGNED, value.to_le_bytes());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, BOOL, [u8::from(value)]);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |text| text.write_str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, |text| {
            write!(text, "{value}")?;
            let mut source = value.source();
            while let Some(error) = source {
                write!(text, ": {error}")?;
                source = error.source();
            }
            Ok(())
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, |text| write!(text, "{value:?}"));
    }
}

/// Reads the fields of spans: name and JSON.
pub(crate) fn around(mut bytes: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        let name = split(&mut bytes, |bytes| Some((usize::from(*bytes.first()?), 1)))?;
        let json = split(&mut bytes, length)?;
        Some((name, json))
    })
}

/// Reads the own fields of an event, and says whether something was cut.
pub(crate) fn fields<'a>(
    names: &'a FieldSet,
    mut bytes: &'a [u8],
    mut each: impl FnMut(&'static str, Value<'a>),
) -> bool {
    while let Some((&index, rest)) = bytes.split_first() {
        if index == CUT {
            return true;
        }
        bytes = rest;
        let (Some(name), Some(value)) = (names.iter().nth(index.into()), value(&mut bytes)) else {
            return true;
        };
        each(name.name(), value);
    }
    false
}

fn value<'a>(bytes: &mut &'a [u8]) -> Option<Value<'a>> {
    let (&kind, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match kind {
        SIGNED => Value::Signed(i64::from_le_bytes(take(bytes)?)),
        UNSIGNED => Value::Unsigned(u64::from_le_bytes(take(bytes)?)),
        WIDE => Value::Wide(i128::from_le_bytes(take(bytes)?)),
        WIDE_UNSIGNED => Value::WideUnsigned(u128::from_le_bytes(take(bytes)?)),
        FLOAT => Value::Float(f64::from_le_bytes(take(bytes)?)),
        BOOL => Value::Bool(take::<1>(bytes)? != [0]),
        _ => Value::Text(split(bytes, length)?),
    })
}

fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = bytes.first_chunk().copied()?;
    Some((u16::from_le_bytes(length).into(), 2))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*value)
}

/// Splits a text off whose length `length` reads from the bytes before it.
fn split<'a>(
    bytes: &mut &'a [u8],
    length: impl FnOnce(&[u8]) -> Option<(usize, usize)>,
) -> Option<&'a str> {
    let (length, before) = length(bytes)?;
    let (text, rest) = bytes.get(before..)?.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}
