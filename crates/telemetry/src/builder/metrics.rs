//! How the metrics are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Builder;
use crate::config::{Ownership, Warning};
use crate::metrics::host;
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
    host: Option<HostPage>,
}

/// Writes a host's own page of metrics.
pub(crate) type HostPage = Arc<dyn Fn() -> String + Send + Sync>;

impl MetricsConfig {
    /// The recorder; with `traced`, its histograms point to traces.
    pub(crate) fn recorder(&self, traced: bool) -> MetricsRecorder {
        MetricsRecorder::new(self.budget, self.bounds.clone(), traced)
    }

    /// The series of requests, unless they are off. What is wrong with a host's
    /// recorder that should have them too is a warning.
    pub(crate) fn series(
        &self,
        recorder: &MetricsRecorder,
        warnings: &mut Vec<Warning>,
    ) -> Option<RequestSeries> {
        let mut extras = self.extras;
        extras.to_host &= self.of == Ownership::Join;
        if extras.to_host
            && let Some(page) = &self.host
        {
            warnings.extend(host::examine(|| page()));
        }
        let on = self.of != Ownership::Off;
        on.then(|| RequestSeries::new(recorder.clone(), extras))
    }

    /// The page of a host, to be written after ours.
    pub(crate) fn host(&self) -> Option<HostPage> {
        self.host.clone().filter(|_| self.of == Ownership::Join)
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

    /// With metrics on `join`: writes the host's page, text or `OpenMetrics`, after
    /// ours on every page, so that one scrape has both. Families that are ours
    /// already are left out and counted. Default: none.
    #[must_use]
    pub fn host_metrics(mut self, page: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics.host = Some(Arc::new(page));
        self
    }

    /// With metrics on `join`: records requests through the host's recorder as
    /// well, for a host that serves its page where nothing can be added. Costs
    /// what that recorder costs. With [`Builder::host_metrics`] a recorder
    /// without our buckets is found when this is built, and is a warning that says
    /// what to add. Default: off.
    #[must_use]
    pub fn metrics_to_host(mut self, on: bool) -> Self {
        self.metrics.extras.to_host = on;
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
