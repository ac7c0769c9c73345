//! Header values that differ from answer to answer, without an allocation each.

use std::cell::RefCell;
use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use crate::intern::intern;

/// Bytes that values of one thread are cut from. A value keeps its whole piece
/// alive, so pieces are small.
const PIECE: usize = 4_096;

/// Longest value.
const MAX: usize = 1_024;

/// The digits of 0 to 99.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
};

thread_local! {
    static LEFT: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// A header value with this text; `None` when it is longer than a kilobyte or
/// no header can have it.
///
/// ```
/// let value = plimsoll_core::value::header(b"req-1").unwrap();
/// assert_eq!(value, "req-1");
/// assert!(plimsoll_core::value::header(b"a\nb").is_none());
/// ```
pub fn header(text: &[u8]) -> Option<HeaderValue> {
    if text.len() > MAX {
        return None;
    }
    let cut = LEFT.try_with(|left| {
        let mut left = left.try_borrow_mut().ok()?;
        if left.capacity() < text.len() {
            *left = BytesMut::with_capacity(PIECE);
        }
        left.extend_from_slice(text);
        Some(left.split().freeze())
    });
    match cut {
        Ok(Some(bytes)) => HeaderValue::from_maybe_shared(bytes).ok(),
        // In a destructor of the thread.
        _ => HeaderValue::from_bytes(text).ok(),
    }
}

/// A header value that many answers have, kept for the life of the process like
/// [`intern`]'s texts: a copy of it counts nothing that cores would share.
/// `None` when no header can have it.
///
/// ```
/// let value = plimsoll_core::value::fixed("\"per-client\";q=5;w=1").unwrap();
/// assert_eq!(value, "\"per-client\";q=5;w=1");
/// ```
pub fn fixed(text: &str) -> Option<HeaderValue> {
    let kept = intern(text);
    if kept != text {
        return HeaderValue::from_str(text).ok();
    }
    HeaderValue::from_maybe_shared(Bytes::from_static(kept.as_bytes())).ok()
}

/// Text of a bounded length, built without an allocation.
#[derive(Debug, Clone)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
    whole: bool,
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
            whole: true,
        }
    }
}

impl<const N: usize> Text<N> {
    /// Appends a text; one that does not fit is left out as a whole.
    pub fn push(&mut self, text: &str) {
        let end = self.len + text.len();
        match self.bytes.get_mut(self.len..end) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                self.len = end;
            }
            None => self.whole = false,
        }
    }

    /// Appends the decimal digits of a number.
    pub fn number(&mut self, number: u64) {
        // One digit is what most numbers here have.
        let digits = match number {
            0..10 => 1,
            _ => number.ilog10() as usize + 1,
        };
        let end = self.len + digits;
        let Some(room) = self.bytes.get_mut(self.len..end) else {
            self.whole = false;
            return;
        };
        let mut rest = number;
        let (single, pairs) = room.as_rchunks_mut::<2>();
        for pair in pairs.iter_mut().rev() {
            *pair = PAIRS[(rest % 100) as usize];
            rest /= 100;
        }
        if let [digit] = single {
            *digit = b'0' + rest as u8;
        }
        self.len = end;
    }

    /// Whether nothing was appended.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether everything fitted.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// The bytes, which are UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> std::fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text);
        if self.whole {
            Ok(())
        } else {
            Err(std::fmt::Error)
        }
    }
}

impl<const N: usize> std::fmt::Display for Text<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(self.as_bytes()).unwrap_or_default())
    }
}

/// Formats into a [`Text`].
pub fn text<const N: usize>(value: &impl std::fmt::Display) -> Text<N> {
    let mut text = Text::default();
    let _ = write!(text, "{value}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_are_those_of_display(number: u64) {
            let mut text = Text::<20>::default();
            text.number(number);
            prop_assert_eq!(text.to_string(), number.to_string());
        }

        #[test]
        fn values_cut_from_one_piece_stay_apart(texts in prop::collection::vec("[ -~]{0,300}", 1..40)) {
            let values: Vec<_> = texts.iter().map(|text| header(text.as_bytes())).collect();
            for (value, text) in values.iter().zip(&texts) {
                prop_assert_eq!(value.as_ref().unwrap().as_bytes(), text.as_bytes());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_told() {
        let mut text = Text::<4>::default();
        text.push("abc");
        text.push("de");
        assert_eq!((text.to_string().as_str(), text.is_whole()), ("abc", false));
    }
}
