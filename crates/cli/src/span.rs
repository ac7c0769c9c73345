//! Lengths of time as people write them: `500ms`, `30s`, `5m`, `1h`.

use std::time::Duration;

/// Longer measurements are for Prometheus.
const MAX: Duration = Duration::from_hours(24);

pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let span = digits.parse().ok().and_then(|count: u64| match unit {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        "m" => count.checked_mul(60).map(Duration::from_secs),
        "h" => count.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    });
    match span {
        Some(span) if span.is_zero() => Err("nothing can be counted in no time".to_owned()),
        Some(span) if span > MAX => Err("at most 24h".to_owned()),
        Some(span) => Ok(span),
        None => Err("write a whole number and ms, s, m or h, like 30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_with_a_unit_are_read() {
        for (text, millis) in [
            ("1ms", 1),
            ("30s", 30_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_the_form_to_use() {
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "0s",
            "25h",
            "99999999999999999999s",
            "9999999999999999999h",
            "3d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
