use plimsoll_core::Rollout;
use tower_layer::Layer;

use super::{Concurrency, ConcurrencyLimit};

/// Puts a [`ConcurrencyLimit`] around a service; see the [module](super).
#[derive(Debug, Clone, Default)]
pub struct ConcurrencyLayer {
    limit: ConcurrencyLimit,
    rollout: Rollout,
}

impl ConcurrencyLayer {
    /// Enforces this limit.
    pub fn new(limit: ConcurrencyLimit) -> Self {
        Self {
            limit,
            rollout: Rollout::default(),
        }
    }

    /// Follows the mode of [`plimsoll_core::Part::Concurrency`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = Concurrency<S>;

    fn layer(&self, inner: S) -> Concurrency<S> {
        Concurrency::new(inner, self.limit.clone(), self.rollout.clone())
    }
}
