//! A flat JSON object written straight into a buffer, keys in the order given.

use std::fmt::Write as _;

/// Writes one line: `{"key":value,...}` and a newline.
pub(crate) struct Line<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Line<'a> {
    pub(crate) fn new(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        quote(self.out, value);
    }

    pub(crate) fn maybe(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        let _ = write!(self.out, "{value}");
    }

    /// Milliseconds with microsecond precision.
    pub(crate) fn millis(&mut self, key: &str, nanos: u64) {
        self.key(key);
        let micros = nanos / 1_000;
        let _ = write!(self.out, "{}.{:03}", micros / 1_000, micros % 1_000);
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, value: &str) {
        self.key(key);
        self.out.push_str(value);
    }

    pub(crate) fn display(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.out.push('"');
        let _ = write!(self.out, "{value}");
        self.out.push('"');
    }

    pub(crate) fn end(self) {
        self.out.push_str("}\n");
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        quote(self.out, key);
        self.out.push(':');
    }
}

/// A JSON string (RFC 8259, section 7). Control characters are escaped, so no
/// value can break a line or a terminal.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) =
        rest.find(|letter: char| letter < ' ' || matches!(letter, '"' | '\\' | '\u{7f}'..='\u{9f}'))
    {
        let (clean, from) = rest.split_at(at);
        out.push_str(clean);
        let mut letters = from.chars();
        match letters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some(letter) => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            None => {}
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_reads_back_from_one_line(key in ".*", value in ".*", nanos: u32) {
            let mut out = String::new();
            let mut line = Line::new(&mut out);
            line.text("k", &value);
            line.text(&key, "v");
            line.millis("ms", nanos.into());
            line.end();
            prop_assert_eq!(out.matches('\n').count(), 1);
            let read: serde_json::Value = serde_json::from_str(&out).unwrap();
            if key != "k" && key != "ms" {
                prop_assert_eq!(read["k"].as_str(), Some(value.as_str()));
            }
        }
    }
}
