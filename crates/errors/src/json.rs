//! A JSON object written field by field: no intermediate tree, and nothing that
//! could fail while a failure is being told.

use std::fmt::{self, Display, Write};

/// An object being written.
pub(crate) struct Object {
    out: String,
    is_empty: bool,
    before_key: &'static str,
    end: &'static str,
}

impl Object {
    /// On one line, for the wire.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self::begin(bytes, "", "}")
    }

    /// One field a line, for people and diffs: an entry of a list in an object.
    pub(crate) fn entry() -> Self {
        Self::begin(1_024, "\n      ", "\n    }")
    }

    /// One field a line, for people: an object by itself.
    pub(crate) fn document() -> Self {
        Self::begin(1_024, "\n  ", "\n}")
    }

    fn begin(bytes: usize, before_key: &'static str, end: &'static str) -> Self {
        let mut out = String::with_capacity(bytes);
        out.push('{');
        Self {
            out,
            is_empty: true,
            before_key,
            end,
        }
    }

    /// A string field.
    pub(crate) fn text(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.out.push('"');
        // Escaped cannot fail; Display of our own values neither.
        let _ = write!(Escaped(&mut self.out), "{value}");
        self.out.push('"');
    }

    /// A field that is JSON already: a number, an object, an array.
    pub(crate) fn raw(&mut self, key: &str, value: impl Display) {
        self.key(key);
        let _ = write!(self.out, "{value}");
    }

    pub(crate) fn finish(mut self) -> String {
        self.out.push_str(self.end);
        self.out
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(',');
        }
        self.out.push_str(self.before_key);
        self.out.push('"');
        self.out.push_str(key);
        let colon = if self.before_key.is_empty() {
            "\":"
        } else {
            "\": "
        };
        self.out.push_str(colon);
    }
}

/// Appends what stands between the quotes of a string.
pub(crate) fn escape(out: &mut String, text: &str) {
    // Escaped cannot fail.
    let _ = Escaped(out).write_str(text);
}

/// Appends a number.
pub(crate) fn number(out: &mut String, number: u64) {
    if number >= 10 {
        self::number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly every text: one look at all bytes, which the compiler does by the dozen.
        let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        if !text.bytes().fold(false, |any, byte| any | special(byte)) {
            self.0.push_str(text);
            return Ok(());
        }
        for char in text.chars() {
            match char {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '\0'..='\x1f' => write!(self.0, "\\u{:04x}", u32::from(char))?,
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_written_reads_back(one: String, two: u32) {
            let mut object = Object::with_capacity(8);
            object.text("one", &one);
            let mut digits = String::new();
            number(&mut digits, two.into());
            object.raw("two", digits);
            let read: serde_json::Value = serde_json::from_str(&object.finish()).unwrap();
            prop_assert_eq!(read, serde_json::json!({ "one": one, "two": two }));
        }
    }
}
