//! Pieces of a line appended to a buffer without the formatting machinery:
//! whole numbers, milliseconds, addresses, JSON strings.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Two digits for each of 0 to 99.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut at = 0;
    while at < 100 {
        pairs[at] = [b'0' + (at / 10) as u8, b'0' + (at % 10) as u8];
        at += 1;
    }
    pairs
};

/// A whole number.
pub(crate) fn integer(out: &mut Vec<u8>, value: u64) {
    if value < 10 {
        out.push(b'0' + value as u8);
        return;
    }
    // Twenty digits are the longest.
    let mut digits = [0; 20];
    let mut from = digits.len();
    let mut rest = value;
    while rest >= 10 {
        from -= 2;
        let pair = PAIRS[(rest % 100) as usize];
        digits[from] = pair[0];
        digits[from + 1] = pair[1];
        rest /= 100;
    }
    if rest > 0 {
        from -= 1;
        digits[from] = b'0' + rest as u8;
    } else if digits[from] == b'0' {
        from += 1;
    }
    out.extend_from_slice(&digits[from..]);
}

/// A whole number with a sign.
pub(crate) fn signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    integer(out, value.unsigned_abs());
}

/// Milliseconds with three digits behind the point, of nanoseconds.
pub(crate) fn millis(out: &mut Vec<u8>, nanos: u64) {
    let micros = nanos / 1_000;
    integer(out, micros / 1_000);
    let [tens, ones] = PAIRS[(micros % 100) as usize];
    out.extend_from_slice(&[b'.', b'0' + (micros % 1_000 / 100) as u8, tens, ones]);
}

/// Six digits of a number below a million.
pub(crate) fn six_digits(value: u32) -> [u8; 6] {
    let pair = |value: u32| PAIRS[(value % 100) as usize];
    let (high, middle, low) = (pair(value / 10_000), pair(value / 100), pair(value));
    [high[0], high[1], middle[0], middle[1], low[0], low[1]]
}

/// A floating-point number as JSON has it, text where JSON has none.
pub(crate) fn float(out: &mut Vec<u8>, value: f64) {
    use std::io::Write as _;
    // Writing to a vector cannot fail.
    let _ = if !value.is_finite() {
        write!(out, "\"{value}\"")
    } else if value == 0.0 || (1e-7..1e21).contains(&value.abs()) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

/// An address, as its `Display` writes it.
pub(crate) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => dotted(out, address),
        IpAddr::V6(address) => {
            use std::io::Write as _;
            let _ = write!(out, "{address}");
        }
    }
}

fn dotted(out: &mut Vec<u8>, address: Ipv4Addr) {
    let [first, rest @ ..] = address.octets();
    integer(out, first.into());
    for part in rest {
        out.push(b'.');
        integer(out, part.into());
    }
}

/// A JSON string (RFC 8259, section 7). Control characters are escaped, so no
/// value can break a line or a terminal.
pub(crate) fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text);
    out.push(b'"');
}

/// What stands between the quotes of a JSON string.
pub(crate) fn escape(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escape_each(out, text);
    }
}

/// Whether a text may stand in a JSON string as it is: ASCII letters only,
/// no quote, no backslash. Eight bytes at a time.
fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        let plain = |byte: &u8| not_plain(SPACES & !0xff | u64::from(*byte)) == 0;
        return text.iter().all(plain);
    };
    // The last eight overlap the word before them.
    let mut odd = not_plain(u64::from_ne_bytes(*last));
    for word in text.as_chunks::<8>().0 {
        odd |= not_plain(u64::from_ne_bytes(*word));
    }
    odd == 0
}

const EACH: u64 = 0x0101_0101_0101_0101;
const SPACES: u64 = EACH * b' ' as u64;

/// Not zero if a byte is under a space, over a tilde, a quote or a backslash.
/// A borrow may mark the byte after an odd one, never a word that has none.
const fn not_plain(word: u64) -> u64 {
    const TOP: u64 = 0x80 * EACH;
    let below_space = word.wrapping_sub(SPACES);
    let quote = (word ^ (EACH * b'"' as u64)).wrapping_sub(EACH);
    let backslash = (word ^ (EACH * b'\\' as u64)).wrapping_sub(EACH);
    // Carries past the top of a byte only where that byte is over a tilde.
    let over_tilde = word.wrapping_add(EACH) | word;
    (below_space | quote | backslash | over_tilde) & TOP
}

fn escape_each(out: &mut Vec<u8>, text: &str) {
    let mut clean = 0;
    for (at, letter) in text.char_indices() {
        let short = match letter {
            '"' | '\\' => letter as u8,
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            '\0'..' ' | '\u{7f}'..='\u{9f}' => 0,
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[clean..at]);
        clean = at + letter.len_utf8();
        if short == 0 {
            let mut digits = [0; 2];
            plimsoll_core::ids::hex(&[letter as u8], &mut digits);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
    out.extend_from_slice(&text.as_bytes()[clean..]);
}

/// Takes formatted text and appends it escaped, up to a number of bytes; says
/// at its end how much more there was.
pub(crate) struct Escaped<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
    more: usize,
}

impl<'a> Escaped<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, most: usize) -> Self {
        Self {
            out,
            left: most,
            more: 0,
        }
    }

    pub(crate) fn end(self) {
        if self.more > 0 {
            self.out.extend_from_slice("\u{2026} (".as_bytes());
            integer(self.out, self.more as u64);
            self.out.extend_from_slice(b" bytes more)");
        }
    }
}

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.left {
            self.left -= text.len();
            escape(self.out, text);
            return Ok(());
        }
        let fits = text.floor_char_boundary(self.left);
        escape(self.out, &text[..fits]);
        self.left = 0;
        self.more += text.len() - fits;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_byte_is_judged_alike_at_every_place_of_a_word() {
        for byte in 0..=u8::MAX {
            let plain = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            for length in [1, 7, 8, 19] {
                for place in 0..length {
                    let mut word = [b'~'; 19];
                    word[place] = byte;
                    assert_eq!(is_plain(&word[..length]), plain, "{byte} at {place}");
                }
            }
        }
    }

    #[test]
    fn what_json_has_no_number_for_is_text() {
        for (value, json) in [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-inf\""),
        ] {
            assert_eq!(text(|out| float(out, value)), json);
        }
    }

    #[test]
    fn a_text_that_is_cut_says_how_much_is_missing() {
        let cut = text(|out| {
            let mut escaped = Escaped::new(out, 4);
            let rest = "ef";
            let _ = write!(escaped, "ab\"\u{e9}cd{rest}");
            escaped.end();
        });
        assert_eq!(cut, "ab\\\"\u{2026} (6 bytes more)");
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_does(value: u64, shift in 0_u32..64, v4: u32, v6: u128) {
            let value = value >> shift;
            prop_assert_eq!(text(|out| integer(out, value)), value.to_string());
            let negative = value.cast_signed();
            prop_assert_eq!(text(|out| signed(out, negative)), negative.to_string());
            let micros = value / 1_000;
            let expected = format!("{}.{:03}", micros / 1_000, micros % 1_000);
            prop_assert_eq!(text(|out| millis(out, value)), expected);
            let six = (value % 1_000_000) as u32;
            prop_assert_eq!(text(|out| out.extend_from_slice(&six_digits(six))), format!("{six:06}"));
            for ip in [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())] {
                prop_assert_eq!(text(|out| address(out, ip)), ip.to_string());
            }
        }

        #[test]
        fn a_float_reads_back(value: f64) {
            let json = text(|out| float(out, value));
            if value.is_finite() {
                prop_assert_eq!(json.parse::<f64>().unwrap().to_bits(), value.to_bits());
                prop_assert!(serde_json::from_str::<serde_json::Number>(&json).is_ok());
            }
        }

        #[test]
        fn a_text_reads_back_from_one_printable_line(value in ".*") {
            let json = text(|out| quote(out, &value));
            let read: String = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read, value);
            prop_assert!(!json.contains(char::is_control), "{:?}", json);
        }
    }
}
