use plimsoll_core::held::Hold;
use plimsoll_core::{Gated, Rollout};
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

    /// The gate alone, for a stack whose outermost layer makes a record: that
    /// holds the permit, and the body stays as it is.
    pub fn gate(&self) -> DrainGate {
        DrainGate {
            drain: self.drain.clone(),
            rollout: self.rollout.clone(),
        }
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = Hold<Gated<S, DrainGate>>;

    fn layer(&self, inner: S) -> Self::Service {
        Hold::new(Gated::new(inner, self.gate()))
    }
}
