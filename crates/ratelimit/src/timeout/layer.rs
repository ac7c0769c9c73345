use std::time::Duration;

use plimsoll_core::Rollout;
use tower_layer::Layer;

use super::Timeout;

/// How long a head may take unless told otherwise.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(10);

/// Limits the time to the response head; see the [module](super).
#[derive(Debug, Clone)]
pub struct TimeoutLayer {
    limit: Duration,
    rollout: Rollout,
}

impl TimeoutLayer {
    /// Enforces this limit.
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            rollout: Rollout::default(),
        }
    }

    /// Follows the mode of [`plimsoll_core::Part::Timeout`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }
}

impl Default for TimeoutLayer {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Timeout<S> {
        Timeout::new(inner, self.limit, self.rollout.clone())
    }
}
