//! Percent-encoding, RFC 3986, section 2.1.

/// The text that `%XX` stand for. `None` for a broken triplet, or for bytes that
/// are no UTF-8.
///
/// ```
/// use plimsoll_core::percent::decode;
/// assert_eq!(decode("50%25%20off").as_deref(), Some("50% off"));
/// assert_eq!(decode("50%"), None);
/// ```
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push((high << 4 | low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
