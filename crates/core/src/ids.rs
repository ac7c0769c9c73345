//! Trace, span and request ids, and the W3C `traceparent` header.

use std::fmt;

/// A W3C trace id; never zero when valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TraceId(pub u128);

/// A W3C span id (`parent-id`); never zero when valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpanId(pub u64);

impl TraceId {
    /// A random id from the thread's generator (not for secrets).
    pub fn random() -> Self {
        // Twice 64 bits: a generator's range over 128 bits costs a division.
        let (high, low) = (fastrand::u64(..), fastrand::u64(..));
        Self((u128::from(high) << 64 | u128::from(low)).max(1))
    }
}

impl SpanId {
    /// A random id from the thread's generator (not for secrets).
    pub fn random() -> Self {
        Self(fastrand::u64(..).max(1))
    }
}

impl TraceId {
    /// Thirty-two lower-case hexadecimal digits.
    pub fn digits(self) -> [u8; 32] {
        let mut text = [0; 32];
        hex(&self.0.to_be_bytes(), &mut text);
        text
    }
}

impl SpanId {
    /// Sixteen lower-case hexadecimal digits.
    pub fn digits(self) -> [u8; 16] {
        let mut text = [0; 16];
        hex(&self.0.to_be_bytes(), &mut text);
        text
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.digits()))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.digits()))
    }
}

/// Every byte as two lower-case hexadecimal digits.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Writes `bytes` as lower-case hexadecimal digits into `out`, which must be
/// twice as long, and gives it back.
pub fn hex<'a>(bytes: &[u8], out: &'a mut [u8]) -> &'a [u8] {
    let (pairs, _) = out.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = PAIRS[usize::from(*byte)];
    }
    out
}

fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

/// The trace context a caller sent: W3C Trace Context, level 1, section 3.2.
///
/// ```
/// use plimsoll_core::ids::TraceParent;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent = TraceParent::parse(header.as_bytes()).unwrap();
/// assert!(parent.sampled);
/// assert_eq!(parent.to_string(), header);
/// assert!(TraceParent::parse(b"00-short").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace the caller is part of.
    pub trace_id: TraceId,
    /// The caller's span.
    pub span_id: SpanId,
    /// Whether the caller records its span.
    pub sampled: bool,
}

impl TraceParent {
    /// Reads a header value. Unknown versions are read by the rules of version
    /// 00, as the specification asks; version `ff`, zero ids, upper-case digits
    /// and wrong lengths give `None`.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let fixed: &[u8; 55] = value.get(..55)?.try_into().ok()?;
        let version = digits(&fixed[..2])?;
        let dashes = fixed[2] == b'-' && fixed[35] == b'-' && fixed[52] == b'-';
        let tail = match value.get(55) {
            None => true,
            Some(b'-') => version != 0,
            Some(_) => false,
        };
        if version == 0xff || !dashes || !tail {
            return None;
        }
        let trace_id = TraceId(digits(&fixed[3..35])?);
        let span_id = SpanId(digits(&fixed[36..52])? as u64);
        let flags = digits(&fixed[53..])?;
        (trace_id.0 != 0 && span_id.0 != 0).then_some(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.sampled { "01" } else { "00" };
        write!(f, "00-{}-{}-{flags}", self.trace_id, self.span_id)
    }
}

fn digits(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0_u128, |sum, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(sum << 4 | u128::from(digit))
    })
}

/// Longest request id taken over from a client, in bytes.
pub const REQUEST_ID_MAX: usize = 64;

/// A request id: one to [`REQUEST_ID_MAX`] of letters, digits and `-_.:`, kept inline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    len: u8,
    bytes: [u8; REQUEST_ID_MAX],
}

impl RequestId {
    /// A random id: a version 4 UUID in its text form (RFC 9562, section 5.4).
    pub fn random() -> Self {
        let random = u128::from(fastrand::u64(..)) << 64 | u128::from(fastrand::u64(..));
        let version = random & !(0xf << 76) | 4 << 76;
        let bits = version & !(0b11 << 62) | 0b10 << 62;
        let mut text = [0; 32];
        hex(&bits.to_be_bytes(), &mut text);
        let mut bytes = [0; REQUEST_ID_MAX];
        // Groups of 8, 4, 4, 4 and 12 digits.
        bytes[..8].copy_from_slice(&text[..8]);
        bytes[8] = b'-';
        bytes[9..13].copy_from_slice(&text[8..12]);
        bytes[13] = b'-';
        bytes[14..18].copy_from_slice(&text[12..16]);
        bytes[18] = b'-';
        bytes[19..23].copy_from_slice(&text[16..20]);
        bytes[23] = b'-';
        bytes[24..36].copy_from_slice(&text[20..]);
        Self { len: 36, bytes }
    }

    /// The client's own id, if it is one we would repeat in a header and a log line.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let fits = (1..=REQUEST_ID_MAX).contains(&value.len());
        let clean = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
        if !fits || !value.iter().all(clean) {
            return None;
        }
        let mut bytes = [0; REQUEST_ID_MAX];
        bytes[..value.len()].copy_from_slice(value);
        Some(Self {
            len: value.len() as u8,
            bytes,
        })
    }

    /// The id's bytes, which are ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        ascii(self.as_bytes())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ids of one request: what a spawned task, a log line or an outgoing call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// The trace the request is part of.
    pub trace_id: TraceId,
    /// The request's own span.
    pub span_id: SpanId,
    /// Whether that span is recorded.
    pub sampled: bool,
    /// The request id, as in the response header.
    pub request_id: RequestId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_written_traceparent_reads_back(trace in 1_u128.., span in 1_u64.., sampled: bool) {
            let sent = TraceParent { trace_id: TraceId(trace), span_id: SpanId(span), sampled };
            prop_assert_eq!(TraceParent::parse(sent.to_string().as_bytes()), Some(sent));
        }

        #[test]
        fn digits_are_those_of_the_standard_library(trace: u128, span: u64, bytes: Vec<u8>) {
            prop_assert_eq!(TraceId(trace).to_string(), format!("{trace:032x}"));
            prop_assert_eq!(SpanId(span).to_string(), format!("{span:016x}"));
            let mut text = vec![0; bytes.len() * 2];
            hex(&bytes, &mut text);
            for (pair, byte) in text.chunks(2).zip(&bytes) {
                let expected = format!("{byte:02x}");
                prop_assert_eq!(pair, expected.as_bytes());
            }
        }

        #[test]
        fn garbage_never_panics_and_never_becomes_an_id(bytes: Vec<u8>) {
            if let Some(id) = RequestId::parse(&bytes) {
                prop_assert_eq!(id.as_str().as_bytes(), bytes.as_slice());
            }
            let _ = TraceParent::parse(&bytes);
        }
    }

    #[test]
    fn bad_traceparents_are_refused() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (bad, why) in [
            (good.replace("4bf9", "4BF9"), "upper case"),
            (good.replace("00-4", "ff-4"), "version ff"),
            (format!("{good}-00"), "version 00 with a tail"),
            (
                good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
                "zero trace",
            ),
            (
                good.replace("00f067aa0ba902b7", &"0".repeat(16)),
                "zero span",
            ),
        ] {
            assert_eq!(TraceParent::parse(bad.as_bytes()), None, "{why}");
        }
        let future = good.replace("00-4", "01-4") + "-what-comes";
        assert!(TraceParent::parse(future.as_bytes()).is_some());
    }

    #[test]
    fn a_random_request_id_is_a_version_4_uuid() {
        let id = RequestId::random();
        let text = id.as_str();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]));
        assert_eq!(RequestId::parse(text.as_bytes()), Some(id));
    }
}
