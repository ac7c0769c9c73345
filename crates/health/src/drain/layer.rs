use plimsoll_core::Rollout;
use tower_layer::Layer;

use super::{Drain, DrainGate};

/// Puts the gate of a [`Drain`] around a service; see the [module](super).
#[derive(Debug, Clone)]
pub struct DrainLayer {
    drain: Drain,
    rollout: Rollout,
}

impl DrainLayer {
    /// Counts for this drain and follows it.
    pub fn new(drain: Drain) -> Self {
        Self {
            drain,
            rollout: Rollout::default(),
        }
    }

    /// Follows the mode of [`plimsoll_core::Part::Drain`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = DrainGate<S>;

    fn layer(&self, inner: S) -> DrainGate<S> {
        DrainGate::new(inner, self.drain.clone(), self.rollout.clone())
    }
}
