//! How the metrics are made.

use super::Builder;
use crate::config::Ownership;

/// What the metrics can be told.
#[derive(Default)]
pub(crate) struct MetricsConfig {
    pub(crate) of: Ownership,
}

impl Builder {
    /// Whose the metrics are. Default: own.
    #[must_use]
    pub fn metrics(mut self, of: Ownership) -> Self {
        self.metrics.of = of;
        self
    }
}
