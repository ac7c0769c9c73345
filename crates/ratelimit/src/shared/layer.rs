use plimsoll_core::Rollout;
use tower_layer::Layer;

use super::{SharedLimit, SharedLimiter};
use crate::RateLimitLayer;

/// Puts a [`SharedLimiter`] around a service; see the [module](super).
#[derive(Debug, Clone, Default)]
pub struct SharedLayer {
    limiter: Option<SharedLimiter>,
    rollout: Rollout,
}

impl SharedLayer {
    /// Enforces these limits.
    pub fn new(limiter: SharedLimiter) -> Self {
        Self::maybe(Some(limiter))
    }

    /// Enforces these limits, or lets everything through as it came.
    pub fn maybe(limiter: Option<SharedLimiter>) -> Self {
        Self {
            limiter,
            ..Self::default()
        }
    }

    /// Follows the mode of [`plimsoll_core::Part::Limit`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }
}

impl<S> Layer<S> for SharedLayer {
    type Service = SharedLimit<S>;

    fn layer(&self, inner: S) -> SharedLimit<S> {
        let parts = self.limiter.clone().map(|limiter| super::service::Parts {
            gate: RateLimitLayer::new(limiter.limiter().clone())
                .rollout(self.rollout.clone())
                .gate(),
            limiter,
        });
        SharedLimit::new(inner, parts)
    }
}
