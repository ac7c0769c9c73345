//! How the metrics are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Builder;
use crate::config::Ownership;
use crate::metrics::registry::Budget;
use crate::metrics::series::{Extras, RequestSeries};
use crate::metrics::{Alias, MetricsRecorder};

/// What the metrics can be told.
#[derive(Default)]
pub(crate) struct MetricsConfig {
    pub(crate) of: Ownership,
    budget: Budget,
    extras: Extras,
    bounds: BTreeMap<String, Arc<[f64]>>,
}

impl MetricsConfig {
    /// The recorder; with `traced`, its histograms point to traces.
    pub(crate) fn recorder(&self, traced: bool) -> MetricsRecorder {
        MetricsRecorder::new(self.budget, self.bounds.clone(), traced)
    }

    /// The series of requests, unless they are off.
    pub(crate) fn series(&self, recorder: &MetricsRecorder) -> Option<RequestSeries> {
        let on = self.of != Ownership::Off;
        on.then(|| RequestSeries::new(recorder.clone(), self.extras))
    }
}

/// Fewest series that a budget leaves: a few routes must fit.
const SERIES_MIN: usize = 1_000;

impl Builder {
    /// Whose the metrics are. Default: own.
    #[must_use]
    pub fn metrics(mut self, of: Ownership) -> Self {
        self.metrics.of = of;
        self
    }

    /// Most series of requests and of the application, as a server counts them
    /// (a histogram has one for each bucket), at least 1,000. The application's
    /// own may fill half. Default: 10,000.
    #[must_use]
    pub fn metrics_series(mut self, most: usize) -> Self {
        self.metrics.budget.total = most.max(SERIES_MIN);
        self
    }

    /// Most label sets of one metric, at least 1. Default: 2,000.
    #[must_use]
    pub fn metrics_series_per_metric(mut self, most: usize) -> Self {
        self.metrics.budget.per_metric = most.max(1);
        self
    }

    /// Histograms of the sizes of request and response bodies. Default: off.
    #[must_use]
    pub fn metrics_sizes(mut self, on: bool) -> Self {
        self.metrics.extras.sizes = on;
        self
    }

    /// Writes the families of another crate beside our own. Default: none.
    #[must_use]
    pub fn metrics_alias(mut self, alias: Alias) -> Self {
        match alias {
            Alias::AxumPrometheus => self.metrics.extras.alias = true,
        }
        self
    }

    /// Upper bounds of the buckets of one of the application's histograms, by the
    /// name on the page. Default: seconds as the semantic conventions advise, or
    /// bytes for one that is described with that unit. Bounds that are not
    /// finite are left out.
    #[must_use]
    pub fn histogram_buckets(mut self, name: impl Into<String>, bounds: &[f64]) -> Self {
        let mut bounds: Vec<f64> = bounds
            .iter()
            .copied()
            .filter(|bound| bound.is_finite())
            .collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup_by(|next, first| next.total_cmp(first).is_eq());
        self.metrics.bounds.insert(name.into(), bounds.into());
        self
    }
}
