//! What is allowed: so many requests in a window, and how many at once.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::gcra::Gcra;

/// Shortest time a cell may take to come back, in nanoseconds; it bounds a
/// quota at a million a second, so that rounding stays under a thousandth.
pub const MIN_INTERVAL: u64 = 1_000;

/// Longest time a whole burst may take to come back: 90 days.
pub const MAX_REFILL: Duration = Duration::from_hours(24 * 90);

/// A rate and a burst.
///
/// In any stretch of time W at most `burst + W × count / window` requests pass.
/// Without [`Quota::burst`] the burst is one window's count, so the first window
/// may see twice the rate: set a smaller burst for a stricter limit.
///
/// ```
/// use plimsoll_ratelimit::Quota;
///
/// const QUOTA: Quota = Quota::per_second(100).burst(200);
/// assert!(QUOTA.check().is_ok());
/// assert_eq!("100/s burst 200".parse(), Ok(QUOTA));
///
/// let nothing = Quota::per_minute(0).check().unwrap_err();
/// assert_eq!(nothing.to_string(), "a quota of 0 lets nothing pass; allow at least 1 a window");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    count: u32,
    window: Duration,
    burst: u32,
}

/// Why a quota cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// A count of zero.
    #[error("a quota of 0 lets nothing pass; allow at least 1 a window")]
    NoCount,
    /// A burst of zero.
    #[error("a burst of 0 lets nothing pass; use at least 1")]
    NoBurst,
    /// A window that is not a whole number of seconds, which the fields could not tell.
    #[error("a window of {0:?} is not a whole number of seconds from 1 upward")]
    Window(Duration),
    /// Cells come back faster than [`MIN_INTERVAL`].
    #[error("a quota of {0} in {1:?} is over a million a second; use a concurrency limit instead")]
    TooFast(u32, Duration),
    /// The burst takes longer than [`MAX_REFILL`] to come back.
    #[error("a burst of {0} takes over 90 days to come back at this rate; use a smaller burst")]
    TooSlow(u32),
    /// A text that is no quota.
    #[error("{0:?} is no quota; write `100/s`, `1000/h`, `5/30s` or `100/s burst 200`")]
    Text(String),
}

impl Quota {
    /// So many a second.
    pub const fn per_second(count: u32) -> Self {
        Self::per(count, Duration::from_secs(1))
    }

    /// So many a minute.
    pub const fn per_minute(count: u32) -> Self {
        Self::per(count, Duration::from_mins(1))
    }

    /// So many an hour.
    pub const fn per_hour(count: u32) -> Self {
        Self::per(count, Duration::from_hours(1))
    }

    /// So many in a window of whole seconds.
    pub const fn per(count: u32, window: Duration) -> Self {
        Self {
            count,
            window,
            burst: count,
        }
    }

    /// How many may come at once after a pause.
    #[must_use]
    pub const fn burst(mut self, cells: u32) -> Self {
        self.burst = cells;
        self
    }

    /// Requests a window.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The window.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Requests at once.
    pub const fn burst_size(&self) -> u32 {
        self.burst
    }

    /// The arithmetic of this quota.
    ///
    /// # Errors
    /// When the quota lets nothing pass or cannot be kept exactly; each error says what to change.
    pub const fn check(&self) -> Result<Gcra, QuotaError> {
        if self.count == 0 {
            return Err(QuotaError::NoCount);
        }
        if self.burst == 0 {
            return Err(QuotaError::NoBurst);
        }
        if self.window.as_secs() == 0 || self.window.subsec_nanos() > 0 {
            return Err(QuotaError::Window(self.window));
        }
        if self.window.as_nanos() < MIN_INTERVAL as u128 * self.count as u128 {
            return Err(QuotaError::TooFast(self.count, self.window));
        }
        // Rounded up: never more than asked, by at most 1 ns a cell.
        let interval = self.window.as_nanos().div_ceil(self.count as u128);
        if interval * self.burst as u128 > MAX_REFILL.as_nanos() {
            return Err(QuotaError::TooSlow(self.burst));
        }
        Ok(Gcra::new(interval as u64, self.burst))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.count)?;
        match self.window.as_secs() {
            1 => f.write_str("s")?,
            60 => f.write_str("min")?,
            3_600 => f.write_str("h")?,
            seconds => write!(f, "{seconds}s")?,
        }
        if self.burst == self.count {
            return Ok(());
        }
        write!(f, " burst {}", self.burst)
    }
}

impl FromStr for Quota {
    type Err = QuotaError;

    /// Reads `<count>/<window>`, optionally followed by `burst <cells>`; a
    /// window is `s`, `min`, `h`, `d`, or one of them after a number.
    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let quota = parse(text).ok_or_else(|| QuotaError::Text(text.into()))?;
        quota.check().map(|_| quota)
    }
}

fn parse(text: &str) -> Option<Quota> {
    let mut words = text.split_whitespace();
    let (count, window) = words.next()?.split_once('/')?;
    let quota = Quota::per(count.parse().ok()?, seconds(window)?);
    match (words.next(), words.next(), words.next()) {
        (None, None, None) => Some(quota),
        (Some("burst"), Some(cells), None) => Some(quota.burst(cells.parse().ok()?)),
        _ => None,
    }
}

fn seconds(window: &str) -> Option<Duration> {
    let digits = window.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let times: u64 = if digits.is_empty() {
        1
    } else {
        digits.parse().ok()?
    };
    let unit = match &window[digits.len()..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    times.checked_mul(unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_written_quota_reads_back(count in 1_u32..1_000, seconds in 1_u64..9_000, burst in 1_u32..1_000) {
            let quota = Quota::per(count, Duration::from_secs(seconds)).burst(burst);
            prop_assume!(quota.check().is_ok());
            prop_assert_eq!(quota.to_string().parse(), Ok(quota));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = text.parse::<Quota>();
        }
    }

    #[test]
    fn quotas_that_cannot_be_kept_are_refused_and_say_why() {
        for (quota, error) in [
            (Quota::per_second(0), QuotaError::NoCount),
            (Quota::per_second(1).burst(0), QuotaError::NoBurst),
            (
                Quota::per(1, Duration::from_millis(1_500)),
                QuotaError::Window(Duration::from_millis(1_500)),
            ),
            (
                Quota::per_second(1_000_001),
                QuotaError::TooFast(1_000_001, Duration::from_secs(1)),
            ),
            (
                Quota::per_hour(1).burst(100_000),
                QuotaError::TooSlow(100_000),
            ),
        ] {
            assert_eq!(quota.check(), Err(error));
        }
        assert!("100 per second".parse::<Quota>().is_err());
        assert_eq!("1000/1h".parse(), Ok(Quota::per_hour(1_000)));
    }
}
