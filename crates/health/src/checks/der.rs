//! As much of PEM (RFC 7468) and X.509 (RFC 5280) as it takes to find the end of
//! a certificate's validity.

use jiff::Timestamp;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM file; `None` when it is none.
pub(super) fn pem(file: &[u8]) -> Option<Result<Vec<Vec<u8>>, String>> {
    let text = std::str::from_utf8(file).ok()?;
    let parts = text.split(BEGIN).skip(1);
    let parts = parts.map(|part| {
        let (body, _) = part
            .split_once(END)
            .ok_or("a certificate without its end")?;
        base64(body).ok_or_else(|| "a certificate that is not base64".to_owned())
    });
    Some(parts.collect())
}

/// Base64 (RFC 4648, section 4), over lines.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let (mut bytes, mut bits, mut have) = (Vec::new(), 0_u32, 0);
    for digit in digits.take_while(|&byte| byte != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    Some(bytes)
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notAfter`: in the validity, which comes after an optional version, the serial
/// number, the signature's algorithm and the issuer (RFC 5280, section 4.1).
pub(super) fn ends(certificate: &[u8]) -> Option<Timestamp> {
    let (tag, certificate, _) = element(certificate)?;
    let (to_be_signed, fields, _) = element(certificate)?;
    if (tag, to_be_signed) != (SEQUENCE, SEQUENCE) {
        return None;
    }
    let (first, _, after) = element(fields)?;
    let mut fields = if first == VERSION { after } else { fields };
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (_, validity, _) = element(fields)?;
    let (_, _, after) = element(validity)?;
    let (tag, time, _) = element(after)?;
    let time = std::str::from_utf8(time).ok()?;
    let time = match tag {
        // Section 4.1.2.5.1: from 50 on it is the last century.
        UTC_TIME if time.get(..2)? >= "50" => format!("19{time}"),
        UTC_TIME => format!("20{time}"),
        GENERALIZED_TIME => time.to_owned(),
        _ => return None,
    };
    moment(&time)
}

/// `YYYYMMDDHHMMSSZ`
fn moment(time: &str) -> Option<Timestamp> {
    let digits = time.strip_suffix('Z')?;
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| &digits[from..to];
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    text.parse().ok()
}

/// The first element of DER: its tag, its content, and what comes after it (X.690,
/// section 8.1); lengths of up to four bytes.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&length, bytes) = bytes.split_first()?;
    let (length, bytes) = if length < 0x80 {
        (usize::from(length), bytes)
    } else {
        let count = usize::from(length & 0x7f);
        if !(1..=4).contains(&count) {
            return None;
        }
        let (long, bytes) = bytes.split_at_checked(count)?;
        let length = long
            .iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        (length, bytes)
    };
    let (content, after) = bytes.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_too_strange_to_be_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = ends(&bytes);
            let _ = pem(&bytes);
        }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9v\nYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(base64("Zm9*"), None);
    }
}
