use std::sync::Arc;

use plimsoll_core::held::Hold;
use plimsoll_core::{Gated, Rollout};
use tower_layer::Layer;

use super::{ConcurrencyGate, ConcurrencyLimit};
use crate::overload::{Overload, OverloadError, Rules};

/// Puts a [`ConcurrencyLimit`] around a service; see the [module](super).
#[derive(Debug, Clone, Default)]
pub struct ConcurrencyLayer {
    limit: ConcurrencyLimit,
    rollout: Rollout,
    rules: Option<Arc<Rules>>,
}

impl ConcurrencyLayer {
    /// Enforces this limit.
    pub fn new(limit: ConcurrencyLimit) -> Self {
        Self {
            limit,
            rollout: Rollout::default(),
            rules: None,
        }
    }

    /// Gives requests their criticality, and the limit the shares that go with it.
    ///
    /// # Errors
    /// A header's name or a route cannot be as it is written.
    pub fn overload(mut self, overload: &Overload) -> Result<Self, OverloadError> {
        self.rules = Some(Arc::new(overload.rules()?));
        self.limit.set_shares(overload.shares_set());
        Ok(self)
    }

    /// Follows the mode of [`plimsoll_core::Part::Concurrency`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }

    /// The gate alone, for a stack whose outermost layer makes a record: that
    /// holds the permit, and the body stays as it is.
    pub fn gate(&self) -> ConcurrencyGate {
        ConcurrencyGate {
            limit: self.limit.clone(),
            rollout: self.rollout.clone(),
            rules: self.rules.clone(),
        }
    }
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = Hold<Gated<S, ConcurrencyGate>>;

    fn layer(&self, inner: S) -> Self::Service {
        Hold::new(Gated::new(inner, self.gate()))
    }
}
