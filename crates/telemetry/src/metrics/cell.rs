//! What one series holds.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use plimsoll_core::names::SECONDS_BUCKETS;
use plimsoll_core::names::axum_prometheus::NO_BUCKETS;

use super::exemplar::{Exemplar, Mark, Slot};
use super::histogram::{Buckets, Durations};
use super::labels::Labels;
use super::page::Page;

/// A count with the last kept trace that raised it.
#[derive(Debug, Default)]
pub(crate) struct Count {
    value: AtomicU64,
    exemplar: OnceLock<Box<Slot>>,
}

impl Count {
    pub(crate) fn raise(&self, mark: Option<Mark>) {
        self.value.fetch_add(1, Ordering::Relaxed);
        if let Some(mark) = mark {
            let value = 1.0;
            let slot = self.exemplar.get_or_init(Box::default);
            slot.put(&Exemplar { mark, value });
        }
    }
}

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One series; clones share it.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Count(Arc<Count>),
    /// A counter of the application's: the exporter has it and writes it.
    TheirCounter(metrics::Counter),
    /// A gauge of the application's, likewise.
    TheirGauge(metrics::Gauge),
    Level(Arc<AtomicI64>),
    Durations(Arc<Durations>),
    /// With the buckets of `axum-prometheus`.
    Coarse(Arc<Durations>),
    Buckets(Arc<Buckets>),
}

impl Cell {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Count(_) | Self::TheirCounter(_) => Kind::Counter,
            Self::TheirGauge(_) | Self::Level(_) => Kind::Gauge,
            Self::Durations(_) | Self::Coarse(_) | Self::Buckets(_) => Kind::Histogram,
        }
    }

    /// Whether we write it: the application's counters and gauges are on the
    /// exporter's page.
    pub(crate) const fn is_written_here(&self) -> bool {
        !matches!(self, Self::TheirCounter(_) | Self::TheirGauge(_))
    }

    /// How many series a server stores for it.
    pub(crate) fn lines(&self) -> usize {
        // Buckets, `+Inf`, sum and count.
        match self {
            Self::Count(_) | Self::TheirCounter(_) | Self::TheirGauge(_) | Self::Level(_) => 1,
            Self::Durations(_) => SECONDS_BUCKETS.len() + 3,
            Self::Coarse(_) => SECONDS_BUCKETS.len() - NO_BUCKETS.len() + 3,
            Self::Buckets(buckets) => buckets.bounds() + 3,
        }
    }

    pub(crate) fn write(&self, page: &mut Page, name: &str, labels: &Labels) {
        let order = Ordering::Relaxed;
        match self {
            Self::Count(count) => {
                let exemplar = count.exemplar.get().and_then(|slot| slot.get());
                page.line(name, labels.iter(), count.value.load(order), exemplar);
            }
            Self::TheirCounter(_) | Self::TheirGauge(_) => {}
            Self::Level(level) => page.line(name, labels.iter(), level.load(order), None),
            Self::Durations(durations) => durations.write(page, name, labels, |_| true),
            Self::Coarse(durations) => {
                let ours = |bound: &f64| NO_BUCKETS.iter().any(|it| it.total_cmp(bound).is_eq());
                durations.write(page, name, labels, |bound| !ours(&bound));
            }
            Self::Buckets(buckets) => buckets.write(page, name, labels),
        }
    }
}
