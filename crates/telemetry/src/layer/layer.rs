use std::sync::Arc;

use tower_layer::Layer;

use super::Observe;
use crate::instance::Instance;

/// Makes one record of each request; see [`crate::Telemetry::layer`].
#[derive(Debug, Clone)]
pub struct ObserveLayer {
    instance: Arc<Instance>,
}

impl ObserveLayer {
    pub(crate) fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe::new(inner, Arc::clone(&self.instance))
    }
}
