use plimsoll_core::Rollout;
use plimsoll_core::held::Hold;
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

    /// The gate around `inner`, for a stack whose outermost layer makes a
    /// record: that holds the permit, and the body stays as it is.
    pub fn within_record<S>(&self, inner: S) -> DrainGate<S> {
        DrainGate::new(inner, self.drain.clone(), self.rollout.clone())
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = Hold<DrainGate<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        Hold::new(self.within_record(inner))
    }
}
