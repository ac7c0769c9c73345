//! The support reference: a code and some bits of the trace id, short enough to
//! read on the phone, with a check character.
//!
//! `CARD-1001-7KQ4-M2PX`: the code, seven characters of Crockford's base32 for
//! the low 35 bits of the trace id, one check character. The check is a linear
//! code over GF(32): each character is multiplied by its own power of a
//! primitive element and all are summed, so any one wrong character and any two
//! neighbours swapped are caught for certain.
//!
//! ```
//! use plimsoll_core::ids::TraceId;
//! use plimsoll_errors::{PlmCode, reference};
//!
//! let shown = reference::make(PlmCode::Panicked.code(), TraceId(0x1234_5678_9abc)).to_string();
//! let read = reference::parse(&shown.to_lowercase()).unwrap();
//! assert_eq!(read.code(), "PLM-5001");
//! assert_eq!(read.trace_tail(), "56789abc");
//!
//! let misheard = shown.replacen('5', "9", 1);
//! assert!(reference::parse(&misheard).is_err());
//! ```

use std::fmt;
use std::str::FromStr;

use plimsoll_core::ids::TraceId;

use crate::Code;
use crate::lock::prefix_fits;

/// Crockford's base32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TRACE_CHARS: usize = 7;
const TRACE_BITS: u64 = (1 << (5 * TRACE_CHARS)) - 1;
const NUMBER_DIGITS: usize = 4;

/// What a client is shown to quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    code: Box<str>,
    bits: u64,
}

/// The reference of a failure with `code` in the trace `trace`.
pub fn make(code: &Code, trace: TraceId) -> Reference {
    of(code.id, trace)
}

/// As [`make`], of a code that is known by its name only.
pub(crate) fn of(code: &str, trace: TraceId) -> Reference {
    Reference {
        code: code.into(),
        bits: trace.0 as u64 & TRACE_BITS,
    }
}

/// Reads a reference as somebody wrote it down: case, spaces and dashes do not
/// matter, and O, I and L are read as 0, 1 and 1 where letters cannot stand.
pub fn parse(text: &str) -> Result<Reference, BadReference> {
    text.parse()
}

impl Reference {
    /// The code, `CARD-1001`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The last eight hexadecimal digits of the trace id.
    pub fn trace_tail(&self) -> String {
        format!("{:08x}", self.bits as u32)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        f.write_str(std::str::from_utf8(&tail(&self.code, self.bits)).unwrap_or_default())
    }
}

/// The text of a reference, without the value.
pub(crate) fn text(code: &Code, trace: TraceId) -> Box<str> {
    let tail = tail(code.id, trace.0 as u64 & TRACE_BITS);
    let mut text = String::with_capacity(code.id.len() + tail.len());
    text.push_str(code.id);
    // Dashes and base32.
    text.push_str(std::str::from_utf8(&tail).unwrap_or_default());
    text.into()
}

/// What follows the code: `-7KQ4-M2PX`.
fn tail(code: &str, bits: u64) -> [u8; TRACE_CHARS + 3] {
    let mut check = Check::default();
    let of_code = code.bytes().filter_map(value_in_code);
    of_code.for_each(|value| check.add(value));
    let mut chars = [b'-'; TRACE_CHARS + 3];
    for at in 0..TRACE_CHARS {
        let value = bits >> (5 * (TRACE_CHARS - 1 - at)) & 31;
        check.add(value as u8);
        chars[at + 1 + at / 4] = ALPHABET[value as usize];
    }
    chars[TRACE_CHARS + 2] = ALPHABET[usize::from(check.0)];
    chars
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let mut clean = Vec::new();
        for char in text.chars() {
            match char {
                'a'..='z' | 'A'..='Z' | '0'..='9' => clean.push(char.to_ascii_uppercase() as u8),
                '-' | ' ' | '\u{2010}'..='\u{2014}' => {}
                other => return Err(BadReference::Character(other)),
            }
        }
        let tail_at = clean.len().checked_sub(TRACE_CHARS + 1);
        let number_at = tail_at.and_then(|at| at.checked_sub(NUMBER_DIGITS));
        let (Some(tail_at), Some(number_at)) = (tail_at, number_at) else {
            return Err(BadReference::Length);
        };
        let (prefix, rest) = clean.split_at(number_at);
        let (number, tail) = rest.split_at(tail_at - number_at);
        let prefix = std::str::from_utf8(prefix).unwrap_or("");
        if !prefix_fits(prefix) {
            return Err(BadReference::Length);
        }
        let mut check = Check::default();
        let mut code = String::with_capacity(prefix.len() + 1 + NUMBER_DIGITS);
        for char in prefix.bytes() {
            code.push(char::from(char));
            check.add(char - b'A');
        }
        code.push('-');
        for char in number {
            let value = value_in_trace(*char).filter(|value| *value < 10);
            let value = value.ok_or(BadReference::Character(char::from(*char)))?;
            code.push(char::from(b'0' + value));
            check.add(value);
        }
        let (trace, last) = tail.split_at(TRACE_CHARS);
        let mut bits = 0;
        for char in trace {
            let value = value_in_trace(*char);
            let value = value.ok_or(BadReference::Character(char::from(*char)))?;
            bits = bits << 5 | u64::from(value);
            check.add(value);
        }
        if last.first().copied().and_then(value_in_trace) != Some(check.0) {
            return Err(BadReference::Check);
        }
        Ok(Self {
            code: code.into(),
            bits,
        })
    }
}

/// A text that is no support reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadReference {
    /// Too short or too long, or the parts are not where they belong.
    #[error(
        "not a reference: it is a code and eight characters, as in CARD-1001-7KQ4-M2PX; ask for all of it"
    )]
    Length,
    /// A character that cannot stand there.
    #[error("{0:?} cannot stand there in a reference; ask for it again, character by character")]
    Character(char),
    /// The check character does not fit the others.
    #[error(
        "the check character does not fit: one character is wrong or two are swapped; ask again"
    )]
    Check,
}

/// Sum over GF(32) with the modulus x^5 + x^2 + 1, whose x is primitive: its
/// powers differ for 31 places, more than the 20 a reference can have.
#[derive(Default)]
struct Check(u8);

impl Check {
    fn add(&mut self, value: u8) {
        let doubled = (self.0 ^ value) << 1;
        self.0 = if doubled & 32 == 0 {
            doubled
        } else {
            doubled ^ 0b10_0101
        };
    }
}

/// Letters of a prefix count from A, digits as themselves.
const fn value_in_code(char: u8) -> Option<u8> {
    match char {
        b'A'..=b'Z' => Some(char - b'A'),
        b'0'..=b'9' => Some(char - b'0'),
        _ => None,
    }
}

fn value_in_trace(char: u8) -> Option<u8> {
    let meant = match char {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let at = ALPHABET.iter().position(|known| *known == meant)?;
    Some(at as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlmCode;
    use proptest::prelude::*;

    #[test]
    fn the_short_way_to_the_text_is_the_same_text() {
        for trace in [TraceId(0), TraceId(0x1234_5678_9abc), TraceId(u128::MAX)] {
            let code = PlmCode::Panicked.code();
            assert_eq!(*text(code, trace), make(code, trace).to_string());
        }
    }

    fn shown(code: usize, trace: u128) -> (Reference, String) {
        let made = make(&PlmCode::ALL[code % PlmCode::ALL.len()], TraceId(trace));
        let text = made.to_string();
        (made, text)
    }

    proptest! {
        #[test]
        fn a_reference_reads_back(code: usize, trace: u128) {
            let (made, text) = shown(code, trace);
            prop_assert_eq!(parse(&text), Ok(made.clone()));
            prop_assert_eq!(parse(&text.to_lowercase().replace('-', " ")), Ok(made));
        }

        #[test]
        fn any_one_wrong_character_is_caught(
            code: usize, trace: u128, at: prop::sample::Index, to in "[0-9A-Z]",
        ) {
            let (made, text) = shown(code, trace);
            let at = at.index(text.len());
            prop_assume!(&text[at..=at] != "-");
            let mut wrong = text.clone();
            wrong.replace_range(at..=at, &to);
            // The same again, or O, I, L for 0 and 1: read as what was meant.
            let read = parse(&wrong);
            prop_assert!(read.is_err() && wrong != text || read == Ok(made));
        }

        #[test]
        fn two_neighbours_swapped_are_caught(code: usize, trace: u128, at: prop::sample::Index) {
            let (_, text) = shown(code, trace);
            let mut chars = text.replace('-', "").into_bytes();
            let at = at.index(chars.len() - 1);
            prop_assume!(chars[at] != chars[at + 1]);
            chars.swap(at, at + 1);
            prop_assert!(parse(std::str::from_utf8(&chars).unwrap()).is_err());
        }

        #[test]
        fn garbage_never_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
