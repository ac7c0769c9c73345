use plimsoll_core::{Gated, Rollout};
use tower_layer::Layer;

use super::LimitGate;
use crate::Limiter;

/// Puts a [`Limiter`] around a service; see the [module](super).
#[derive(Debug, Clone)]
pub struct RateLimitLayer(LimitGate);

impl RateLimitLayer {
    /// Enforces these limits.
    pub fn new(limiter: Limiter) -> Self {
        Self(LimitGate {
            limiter,
            rollout: Rollout::default(),
            clocked: false,
        })
    }

    /// Follows the mode of [`plimsoll_core::Part::Limit`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.0.rollout = rollout;
        self
    }

    /// Decides by the time at which the current record began, which saves a
    /// reading: for a limiter whose clock is the one of the records.
    #[must_use]
    pub fn clocked_by_record(mut self) -> Self {
        self.0.clocked = true;
        self
    }

    /// Its limits: their reports, quotas and modes.
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// The gate alone, for a stack of several.
    pub fn gate(&self) -> LimitGate {
        self.0.clone()
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = Gated<S, LimitGate>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.gate())
    }
}
