//! When each arrival is meant to begin: absolute offsets from the start.
//!
//! An open model: users arrive whether or not the service keeps up. Poisson
//! arrivals have independent, exponentially distributed gaps (-ln(1 - u) / rate);
//! constant ones stand at n / rate. The same seed gives the same schedule.
//!
//! ```
//! use std::time::Duration;
//! use plimsoll_loadtest::schedule::{Arrivals, Rate, Schedule};
//! let rate = Rate::per_second(4.0).unwrap();
//! let offsets: Vec<_> = Schedule::new(Arrivals::Constant, rate, Duration::from_secs(1), 0).collect();
//! assert_eq!(offsets, [0, 250, 500, 750].map(Duration::from_millis));
//!
//! let poisson = |seed| Schedule::new(Arrivals::Poisson, rate, Duration::from_secs(60), seed);
//! assert!(poisson(7).eq(poisson(7)));
//! assert!(!poisson(7).eq(poisson(8)));
//! ```

use std::{fmt, str::FromStr, time::Duration};

use serde::Serialize;

/// How arrivals are spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Independent users: exponential gaps.
    #[default]
    Poisson,
    /// A metronome: equal gaps.
    Constant,
}

/// Arrivals per second, above 0 and at most 100,000.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Rate(f64);

/// Not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate; give arrivals per second, above 0 and at most 100000, such as 200")]
pub struct RateError(String);

impl Rate {
    /// `None` outside (0, 100,000].
    pub fn per_second(rate: f64) -> Option<Self> {
        (rate > 0.0 && rate <= 100_000.0).then_some(Self(rate))
    }

    /// Arrivals per second.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let rate = text.trim().parse().ok().and_then(Self::per_second);
        rate.ok_or_else(|| RateError(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The offsets, in order, all before the end.
#[derive(Debug, Clone)]
pub struct Schedule {
    arrivals: Arrivals,
    gap_seconds: f64,
    end: Duration,
    rng: fastrand::Rng,
    count: u64,
    at_seconds: f64,
}

impl Schedule {
    /// A schedule of length `end`.
    pub fn new(arrivals: Arrivals, rate: Rate, end: Duration, seed: u64) -> Self {
        Self {
            arrivals,
            gap_seconds: 1.0 / rate.get(),
            end,
            rng: fastrand::Rng::with_seed(seed),
            count: 0,
            at_seconds: 0.0,
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.at_seconds = match self.arrivals {
            // Multiplied, not added up: no error gathers.
            Arrivals::Constant => self.count as f64 * self.gap_seconds,
            Arrivals::Poisson => self.at_seconds - (1.0 - self.rng.f64()).ln() * self.gap_seconds,
        };
        self.count += 1;
        let at = Duration::try_from_secs_f64(self.at_seconds).ok()?;
        (at < self.end).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn rate(rate: f64) -> Rate {
        Rate::per_second(rate).expect("a rate")
    }

    #[test]
    fn rates_out_of_range_are_no_rates() {
        for text in ["0", "-1", "NaN", "inf", "100001", "", "fast"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!("12.5".parse::<Rate>(), Ok(rate(12.5)));
    }

    #[test]
    fn a_constant_schedule_does_not_drift() {
        let last = Schedule::new(Arrivals::Constant, rate(1000.0 / 3.0), MINUTE, 0).last();
        let expected = 19_999.0 * 0.003;
        assert!((last.expect("arrivals").as_secs_f64() - expected).abs() < 1e-9);
    }

    #[test]
    fn exponential_gaps_have_a_deviation_equal_to_their_mean() {
        let at: Vec<f64> = Schedule::new(Arrivals::Poisson, rate(1000.0), MINUTE, 1)
            .map(|at| at.as_secs_f64())
            .collect();
        let gaps: Vec<f64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03);
    }

    proptest! {
        #[test]
        fn the_count_is_the_rate_times_the_length(seed: u64, per_second in 50.0..2_000.0_f64) {
            let expected = per_second * 60.0;
            let count = Schedule::new(Arrivals::Poisson, rate(per_second), MINUTE, seed).count() as f64;
            // Six standard deviations of a Poisson count.
            prop_assert!((count - expected).abs() < 6.0 * expected.sqrt());
        }

        #[test]
        fn offsets_rise_and_stay_before_the_end(seed: u64, per_second in 1.0..500.0_f64) {
            let at: Vec<_> = Schedule::new(Arrivals::Poisson, rate(per_second), MINUTE, seed).collect();
            prop_assert!(at.is_sorted());
            prop_assert!(at.iter().all(|at| *at < MINUTE));
        }
    }
}
