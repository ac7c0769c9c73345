//! What a run is to do.

use std::{num::NonZeroU32, time::Duration};

use serde::Serialize;

use crate::schedule::{Arrivals, Rate, Schedule};

/// Longest run: series and counters are kept in memory.
pub const MAX_LENGTH: Duration = Duration::from_hours(24);

/// A run.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_loadtest::{Plan, Rate};
/// let plan = Plan::new(Rate::per_second(200.0).unwrap(), Duration::from_secs(30));
/// assert_eq!(plan.max_in_flight.get(), 256);
///
/// let plan = Plan { seed: 7, timeout: Duration::from_secs(2), ..plan };
/// assert!(plan.schedule().eq(plan.schedule()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// How arrivals are spread.
    pub arrivals: Arrivals,
    /// Arrivals per second.
    pub rate: Rate,
    /// No arrival is planned after it.
    #[serde(rename = "length_seconds", serialize_with = "seconds")]
    pub length: Duration,
    /// Gives arrivals and choices; the same seed, the same run.
    pub seed: u64,
    /// Journeys at a time; further ones wait, and their wait counts as latency.
    pub max_in_flight: NonZeroU32,
    /// A request without an answer by then has failed.
    #[serde(rename = "timeout_seconds", serialize_with = "seconds")]
    pub timeout: Duration,
    /// After the last arrival journeys have this long to finish; then they are
    /// cut and their requests count as failed.
    #[serde(rename = "drain_seconds", serialize_with = "seconds")]
    pub drain: Duration,
}

impl Plan {
    /// Poisson arrivals, seed 1, 256 journeys at a time, timeout 10 s, drain 12 s.
    pub const fn new(rate: Rate, length: Duration) -> Self {
        Self {
            arrivals: Arrivals::Poisson,
            rate,
            length,
            seed: 1,
            max_in_flight: NonZeroU32::MIN.saturating_add(255),
            timeout: Duration::from_secs(10),
            drain: Duration::from_secs(12),
        }
    }

    /// The arrivals' offsets.
    pub fn schedule(&self) -> Schedule {
        Schedule::new(self.arrivals, self.rate, self.length, self.seed)
    }
}

fn seconds<S: serde::Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(length.as_secs_f64())
}
