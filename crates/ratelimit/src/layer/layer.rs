use plimsoll_core::Rollout;
use tower_layer::Layer;

use super::RateLimit;
use crate::Limiter;

/// Puts a [`Limiter`] around a service; see the [module](super).
#[derive(Debug, Clone)]
pub struct RateLimitLayer {
    limiter: Limiter,
    rollout: Rollout,
}

impl RateLimitLayer {
    /// Enforces these limits.
    pub fn new(limiter: Limiter) -> Self {
        Self {
            limiter,
            rollout: Rollout::default(),
        }
    }

    /// Follows the mode of [`plimsoll_core::Part::Limit`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit::new(inner, self.limiter.clone(), self.rollout.clone())
    }
}
