//! How long Sentry asks to be left alone:
//! <https://develop.sentry.dev/sdk/expected-features/rate-limiting/>.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

/// What a 429 without a word of how long means.
const UNTOLD: Duration = Duration::from_mins(1);

/// The longest silence kept without asking again.
const MOST: Duration = Duration::from_hours(1);

/// How long no error event may be sent after this answer.
pub(super) fn silence(status: u16, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = match text("x-sentry-rate-limits") {
        Some(limits) => limits.split(',').filter_map(of_errors).max(),
        None if status == 429 => {
            let after = text(header::RETRY_AFTER.as_str());
            Some(after.and_then(|after| parse(after, now)).unwrap_or(UNTOLD))
        }
        None => None,
    };
    asked
        .filter(|silence| !silence.is_zero())
        .map(|silence| silence.min(MOST))
}

/// `seconds:categories:scope..`; categories parted by `;`, none meaning all.
fn of_errors(limit: &str) -> Option<Duration> {
    let mut parts = limit.trim().split(':');
    let seconds = seconds(parts.next()?)?;
    let categories = parts.next()?.trim();
    let ours = categories.is_empty() || categories.split(';').any(|it| it.trim() == "error");
    ours.then_some(seconds)
}

/// RFC 9110, section 10.2.3: seconds or a date; Sentry sends fractions too.
fn parse(after: &str, now: SystemTime) -> Option<Duration> {
    seconds(after).or_else(|| {
        let date = httpdate::parse_http_date(after).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    })
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    // A number that is none would be the smaller one of any two.
    let seconds = Some(seconds).filter(|seconds| !seconds.is_nan())?;
    Duration::try_from_secs_f64(seconds.min(1e9)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, pairs: &[(&'static str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        silence(status, &headers, SystemTime::UNIX_EPOCH).map(|silence| silence.as_secs())
    }

    #[test]
    fn only_limits_on_errors_or_on_everything_are_ours_and_none_lasts_for_ever() {
        let limits = "x-sentry-rate-limits";
        for (status, headers, expected) in [
            (200, &[][..], None),
            (500, &[("retry-after", "7")], None),
            (429, &[], Some(60)),
            (429, &[("retry-after", "7")], Some(7)),
            (429, &[("retry-after", "soon")], Some(60)),
            (429, &[("retry-after", "nan")], Some(60)),
            (429, &[("retry-after", "-3")], Some(60)),
            (429, &[("retry-after", "0")], None),
            (
                429,
                &[("retry-after", "Thu, 01 Jan 1970 00:02:00 GMT")],
                Some(120),
            ),
            (200, &[(limits, "60:error:organization")], Some(60)),
            (200, &[(limits, "60:session;error:key:quota")], Some(60)),
            (
                200,
                &[(limits, "60:transaction:key, 5::organization")],
                Some(5),
            ),
            (200, &[(limits, "60:transaction:key")], None),
            (429, &[(limits, "60:transaction:key")], None),
            (200, &[(limits, "99999999999999999999::key")], Some(3_600)),
            (200, &[(limits, "x, :, 60")], None),
        ] {
            assert_eq!(of(status, headers), expected, "{status} {headers:?}");
        }
    }
}
