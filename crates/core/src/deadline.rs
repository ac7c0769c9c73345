//! How long a caller waits, in nanoseconds, by what it says in a header.

use http::HeaderValue;

/// Longest deadline that is believed: a day. More is as good as none.
const MOST: u64 = 86_400_000_000_000;

/// A `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP/2, "Requests").
///
/// ```
/// use http::HeaderValue;
/// use plimsoll_core::deadline::grpc;
///
/// assert_eq!(grpc(&HeaderValue::from_static("250m")), Some(250_000_000));
/// assert_eq!(grpc(&HeaderValue::from_static("250")), None);
/// ```
pub fn grpc(value: &HeaderValue) -> Option<u64> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let each: u64 = match unit {
        b'H' => 3_600_000_000_000,
        b'M' => 60_000_000_000,
        b'S' => 1_000_000_000,
        b'm' => 1_000_000,
        b'u' => 1_000,
        b'n' => 1,
        _ => return None,
    };
    number(digits).map(|number| number.saturating_mul(each))
}

/// Whole milliseconds, as in `x-request-timeout-ms` and Envoy's
/// `x-envoy-expected-rq-timeout-ms`.
pub fn millis(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    if digits.is_empty() || digits.len() > 12 {
        return None;
    }
    number(digits).map(|millis| millis.saturating_mul(1_000_000).min(MOST))
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then_some(u64::from(digit & 15))?;
        Some(number * 10 + digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_timeout_is_a_number_and_a_unit() {
        for (text, nanos) in [
            ("1S", Some(1_000_000_000)),
            ("250m", Some(250_000_000)),
            ("99999999H", Some(u64::MAX)),
            ("1", None),
            ("S", None),
            ("123456789n", None),
            ("-1S", None),
        ] {
            assert_eq!(grpc(&HeaderValue::from_static(text)), nanos, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_whole_and_at_most_a_day() {
        for (text, nanos) in [
            ("0", Some(0)),
            ("1500", Some(1_500_000_000)),
            ("999999999999", Some(MOST)),
            ("9999999999999", None),
            ("", None),
            ("1.5", None),
            ("-1", None),
        ] {
            assert_eq!(millis(&HeaderValue::from_static(text)), nanos, "{text}");
        }
    }
}
