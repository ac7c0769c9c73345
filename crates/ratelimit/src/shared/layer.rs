use plimsoll_core::Rollout;
use tower_layer::Layer;

use super::{SharedLimit, SharedLimiter};
use crate::{Limiter, RateLimitLayer};

/// Puts a [`SharedLimiter`] around a service; see the [module](super).
#[derive(Debug, Clone, Default)]
pub struct SharedLayer {
    limiter: Option<SharedLimiter>,
    local: Option<Limiter>,
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

    /// The local limits in front, which get back what a request took that is
    /// refused here.
    #[must_use]
    pub fn behind(mut self, local: Limiter) -> Self {
        self.local = Some(local).filter(|local| !local.is_empty());
        self
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
            local: self.local.clone(),
        });
        SharedLimit::new(inner, parts)
    }
}
