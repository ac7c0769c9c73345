//! What one series holds.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use metrics::CounterFn;
use plimsoll_core::names::SECONDS_BUCKETS;
use plimsoll_core::names::axum_prometheus::NO_BUCKETS;

use super::exemplar::{Exemplar, Mark, Slot};
use super::histogram::{Buckets, Durations};
use super::labels::Labels;
use super::page::{Number, Page};

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

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.value.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.value.fetch_max(value, Ordering::Relaxed);
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
    /// A gauge of the facade's: the bits of an `f64`.
    Gauge(Arc<AtomicU64>),
    Level(Arc<AtomicI64>),
    Durations(Arc<Durations>),
    /// With the buckets of `axum-prometheus`.
    Coarse(Arc<Durations>),
    Buckets(Arc<Buckets>),
}

impl Cell {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Count(_) => Kind::Counter,
            Self::Gauge(_) | Self::Level(_) => Kind::Gauge,
            Self::Durations(_) | Self::Coarse(_) | Self::Buckets(_) => Kind::Histogram,
        }
    }

    /// How many series a server stores for it.
    pub(crate) fn lines(&self) -> usize {
        // Buckets, `+Inf`, sum and count.
        match self {
            Self::Count(_) | Self::Gauge(_) | Self::Level(_) => 1,
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
            Self::Gauge(gauge) => {
                let value = Number(f64::from_bits(gauge.load(order)));
                page.line(name, labels.iter(), value, None);
            }
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
