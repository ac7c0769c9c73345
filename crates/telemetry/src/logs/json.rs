//! A flat JSON object written straight into a buffer, keys in the order given.

use super::write;

/// The bytes of `,"key":`, made when the program is compiled.
macro_rules! key {
    ($key:expr) => {
        &const { $crate::logs::json::piece::<{ $key.len() + 4 }>($key) }
    };
}
pub(crate) use key;

#[doc(hidden)]
pub(crate) const fn piece<const N: usize>(key: &str) -> [u8; N] {
    let mut bytes = [b'"'; N];
    bytes[0] = b',';
    let mut at = 0;
    while at < key.len() {
        bytes[at + 2] = key.as_bytes()[at];
        at += 1;
    }
    bytes[N - 1] = b':';
    bytes
}

/// Writes one line: `{"key":value,...}` and a newline.
pub(crate) struct Line<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Line<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write::quote(self.out, value);
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        write::integer(self.out, value);
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(value);
    }

    pub(crate) fn display(&mut self, key: &str, value: impl std::fmt::Display) {
        self.text(key, &value.to_string());
    }

    pub(crate) fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        write::quote(self.out, key);
        self.out.push(b':');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_reads_back_from_one_line(key in ".*", value in ".*", number: u64) {
            let mut out = Vec::new();
            let mut line = Line::new(&mut out);
            line.text("k", &value);
            line.text(&key, "v");
            line.number("n", number);
            line.end();
            prop_assert_eq!(out.iter().position(|byte| *byte == b'\n'), Some(out.len() - 1));
            let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
            if key != "k" && key != "n" {
                prop_assert_eq!(read["k"].as_str(), Some(value.as_str()));
            }
            prop_assert_eq!(read["n"].as_u64(), Some(number));
        }
    }
}
