//! The names of other crates beside our own, for dashboards that have them.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use plimsoll_core::names::{axum_prometheus as theirs, value};
use plimsoll_core::record::Record;

use super::cell::{Cell, Count, Kind};
use super::histogram::Durations;
use super::labels::Text;
use super::recorder::MetricsRecorder;
use super::series;
use crate::rows::Combination;

/// A crate whose names can be on the page too.
///
/// ```
/// use plimsoll_telemetry::metrics::Alias;
///
/// assert_eq!("axum-prometheus".parse(), Ok(Alias::AxumPrometheus));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alias {
    /// `axum-prometheus` 0.10: its three families with its labels and buckets.
    /// Two things differ: a path without a route is `unmatched`, not the path,
    /// and a request that ends before its head is in none of them.
    AxumPrometheus,
}

/// A word that names no [`Alias`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAlias(String);

impl fmt::Display for UnknownAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not axum-prometheus", self.0)
    }
}

impl std::error::Error for UnknownAlias {}

impl FromStr for Alias {
    type Err = UnknownAlias;

    fn from_str(word: &str) -> Result<Self, UnknownAlias> {
        match word {
            "axum-prometheus" => Ok(Self::AxumPrometheus),
            _ => Err(UnknownAlias(word.into())),
        }
    }
}

const FAMILIES: [(&str, Kind, &str); 3] = [
    (
        theirs::TOTAL,
        Kind::Counter,
        "Requests by endpoint, as axum-prometheus counts them.",
    ),
    (
        theirs::DURATION,
        Kind::Histogram,
        "Seconds from call to response head.",
    ),
    (
        theirs::PENDING,
        Kind::Gauge,
        "Requests in flight by endpoint.",
    ),
];

type Endpoint = (&'static str, &'static str);

/// The families of `axum-prometheus`.
pub(crate) struct AxumPrometheus {
    recorder: MetricsRecorder,
    pending: RwLock<HashMap<Endpoint, Arc<AtomicI64>>>,
}

/// The handles of one combination.
pub(crate) struct Aliased {
    total: Arc<Count>,
    duration: Arc<Durations>,
}

impl AxumPrometheus {
    pub(crate) fn new(recorder: MetricsRecorder) -> Self {
        for (name, kind, help) in FAMILIES {
            recorder.registry().reserve(name, kind, help);
        }
        Self {
            recorder,
            pending: RwLock::default(),
        }
    }

    /// Counts a request that began, or ended, by the route with which it began.
    pub(crate) fn move_pending(&self, method: &'static str, route: &'static str, by: i64) {
        let known = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = known.get(&(method, route)) {
            pending.fetch_add(by, Ordering::Relaxed);
            return;
        }
        drop(known);
        let mut known = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        // Decided once for each endpoint, so that what was raised is lowered.
        let pending = known.entry((method, route)).or_insert_with(|| {
            let room = self.recorder.registry().has_room(1);
            let route = if room { route } else { value::OVERFLOW };
            let labels = vec![method_label(method), endpoint_label(route)];
            series::level(&self.recorder, theirs::PENDING, labels)
        });
        pending.fetch_add(by, Ordering::Relaxed);
    }

    /// The handles of a combination that has a response head.
    pub(crate) fn register(&self, wanted: &Combination) -> Option<Aliased> {
        if wanted.status == 0 {
            return None;
        }
        let labels = vec![
            method_label(wanted.method),
            (theirs::STATUS.into(), wanted.status.to_string().into()),
            endpoint_label(wanted.route),
        ];
        let duration = series::cell(&self.recorder, theirs::DURATION, labels.clone(), || {
            Cell::Coarse(Arc::default())
        });
        let duration = match duration {
            Some(Cell::Coarse(duration)) => duration,
            // Counted by the registry as refused.
            _ => Arc::default(),
        };
        Some(Aliased {
            total: series::counter(&self.recorder, theirs::TOTAL, labels),
            duration,
        })
    }
}

impl Aliased {
    pub(crate) fn finish(&self, record: &Record) {
        self.total.raise(None);
        self.duration.observe(record.time_to_head(), None);
    }
}

fn method_label(method: &'static str) -> (Text, Text) {
    let method = if method == value::OTHER { "" } else { method };
    (theirs::METHOD.into(), method.into())
}

fn endpoint_label(route: &'static str) -> (Text, Text) {
    (theirs::ENDPOINT.into(), route.into())
}
