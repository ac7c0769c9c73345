use std::sync::Arc;

use plimsoll_core::Seat;
use tower_layer::Layer;

use super::Observe;
use crate::instance::Instance;

/// Makes one record of each request; see [`crate::Telemetry::layer`].
#[derive(Debug, Clone)]
pub struct ObserveLayer {
    instance: Arc<Instance>,
    seat: Option<Seat>,
}

impl ObserveLayer {
    pub(crate) fn new(instance: Arc<Instance>) -> Self {
        Self {
            instance,
            seat: None,
        }
    }

    /// As the outermost layer of a whole stack: its parts know each other by the
    /// seat, and those of another stack inside stand down.
    #[must_use]
    pub fn seated(mut self, seat: Seat) -> Self {
        self.seat = Some(seat);
        self
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe::new(inner, Arc::clone(&self.instance), self.seat)
    }
}
