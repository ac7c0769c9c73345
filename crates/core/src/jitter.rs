//! Random extra time, so that those who wait do not come back together.

use std::time::Duration;

/// `wait` and up to `most` more, evenly spread. Added, never taken away: a wait
/// cut short would be refused again.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_core::jitter::additive;
///
/// let wait = additive(Duration::from_secs(1), Duration::from_secs(2));
/// assert!((1.0..=3.0).contains(&wait.as_secs_f64()));
/// ```
pub fn additive(wait: Duration, most: Duration) -> Duration {
    let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    wait.saturating_add(Duration::from_nanos(fastrand::u64(0..=most)))
}

/// Whether something of this probability happens this time.
pub fn chance(probability: f64) -> bool {
    fastrand::f64() < probability
}
