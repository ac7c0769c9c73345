//! Histograms of atomic buckets: recorded in a handful of instructions, no
//! upkeep, no memory that grows between scrapes.

use std::array::from_fn;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use metrics::HistogramFn;
use plimsoll_core::current;
use plimsoll_core::names::SECONDS_BUCKETS;

use super::exemplar::{Exemplar, Mark, Slot};
use super::labels::Labels;
use super::page::{Number, Page};

/// Buckets of a duration histogram, `+Inf` included.
const PLACES: usize = SECONDS_BUCKETS.len() + 1;

/// [`SECONDS_BUCKETS`] in nanoseconds.
const NANOS: [u64; PLACES - 1] = {
    let mut nanos = [0; PLACES - 1];
    let mut index = 0;
    while index < nanos.len() {
        // Whole milliseconds, so that the product is exact.
        nanos[index] = (SECONDS_BUCKETS[index] * 1_000.0 + 0.5) as u64 * 1_000_000;
        index += 1;
    }
    nanos
};

/// Durations of requests, exact: whole nanoseconds.
#[derive(Debug)]
pub(crate) struct Durations {
    counts: [AtomicU64; PLACES],
    nanos: AtomicU64,
    /// How often `nanos` went around: 584 years of requests.
    rounds: AtomicU64,
    exemplars: OnceLock<Box<[Slot; PLACES]>>,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            counts: from_fn(|_| AtomicU64::new(0)),
            nanos: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
            exemplars: OnceLock::new(),
        }
    }
}

impl Durations {
    pub(crate) fn observe(&self, nanos: u64, mark: Option<Mark>) {
        let bucket = NANOS.partition_point(|bound| *bound < nanos);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let before = self.nanos.fetch_add(nanos, Ordering::Relaxed);
        if before.checked_add(nanos).is_none() {
            self.rounds.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(mark) = mark {
            let value = nanos as f64 / 1e9;
            let slots = self.exemplars.get_or_init(Box::default);
            slots[bucket].put(&Exemplar { mark, value });
        }
    }

    /// Writes the buckets whose bounds are `wanted`; what the others counted
    /// stands in the next.
    pub(crate) fn write(
        &self,
        page: &mut Page,
        name: &str,
        labels: &Labels,
        wanted: impl Fn(f64) -> bool,
    ) {
        let bounds = SECONDS_BUCKETS.into_iter().chain([f64::INFINITY]);
        let rows = bounds.enumerate().map(|(index, bound)| Row {
            bound,
            count: self.counts[index].load(Ordering::Relaxed),
            exemplar: self.exemplars.get().and_then(|slots| slots[index].get()),
            shown: wanted(bound),
        });
        let rounds = u128::from(self.rounds.load(Ordering::Relaxed));
        let nanos = rounds << 64 | u128::from(self.nanos.load(Ordering::Relaxed));
        write(page, name, labels, rows, Seconds(nanos));
    }
}

/// Nanoseconds told as seconds, to the last digit.
struct Seconds(u128);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        if nanos == 0 {
            return seconds.fmt(f);
        }
        let digits = format!("{nanos:09}");
        write!(f, "{seconds}.{}", digits.trim_end_matches('0'))
    }
}

/// A histogram of any numbers, by bounds of its own.
#[derive(Debug)]
pub(crate) struct Buckets {
    bounds: Arc<[f64]>,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    exemplars: Option<Box<[Slot]>>,
}

impl Buckets {
    /// With `exemplars`, values taken in a sampled request keep its trace.
    pub(crate) fn new(bounds: Arc<[f64]>, exemplars: bool) -> Self {
        let places = 0..=bounds.len();
        Self {
            counts: places.clone().map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0.0_f64.to_bits()),
            exemplars: exemplars.then(|| places.map(|_| Slot::default()).collect()),
            bounds,
        }
    }

    /// How many bounds there are, without `+Inf`.
    pub(crate) fn bounds(&self) -> usize {
        self.bounds.len()
    }

    pub(crate) fn observe(&self, value: f64, mark: Option<Mark>) {
        // NaN is greater than no bound, so it would land in the first bucket.
        if value.is_nan() {
            return;
        }
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        let order = Ordering::Relaxed;
        let _ = self.sum.fetch_update(order, order, add);
        if let (Some(mark), Some(slots)) = (mark, &self.exemplars) {
            slots[bucket].put(&Exemplar { mark, value });
        }
    }

    pub(crate) fn write(&self, page: &mut Page, name: &str, labels: &Labels) {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let exemplar = |index: usize| self.exemplars.as_ref()?.get(index)?.get();
        let rows = bounds.enumerate().map(|(index, bound)| Row {
            bound,
            count: self.counts[index].load(Ordering::Relaxed),
            exemplar: exemplar(index),
            shown: true,
        });
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed));
        write(page, name, labels, rows, Number(sum));
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let ids = self.exemplars.as_ref().and_then(|_| current::ids());
        let sampled = ids.filter(|ids| ids.sampled);
        let mark = sampled.map(|ids| Mark::new(&ids, SystemTime::now()));
        self.observe(value, mark);
    }
}

struct Row {
    bound: f64,
    count: u64,
    exemplar: Option<Exemplar>,
    shown: bool,
}

fn write(
    page: &mut Page,
    name: &str,
    labels: &Labels,
    rows: impl Iterator<Item = Row>,
    sum: impl fmt::Display,
) {
    let bucket = format!("{name}_bucket");
    let (mut total, mut exemplar) = (0, None);
    for row in rows {
        total += row.count;
        exemplar = row.exemplar.or(exemplar);
        if row.shown {
            let bound = Number(row.bound).to_string();
            let labels = labels.iter().chain([("le", bound.as_str())]);
            page.line(&bucket, labels, total, exemplar.take());
        }
    }
    page.line(&format!("{name}_sum"), labels.iter(), sum, None);
    page.line(&format!("{name}_count"), labels.iter(), total, None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::negotiate::Exposition;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Page)) -> String {
        let mut page = Page::new(Exposition::Text);
        page.family("d", "histogram", "");
        write(&mut page);
        page.finish()
    }

    proptest! {
        #[test]
        fn buckets_are_cumulative_and_bounds_inclusive(values in prop::collection::vec(0.0_f64..20.0, 0..64)) {
            let buckets = Buckets::new(SECONDS_BUCKETS.into(), false);
            for value in &values {
                buckets.record(*value);
            }
            let text = text(|page| buckets.write(page, "d", &Labels::default()));
            for bound in SECONDS_BUCKETS {
                let expected = values.iter().filter(|value| **value <= bound).count();
                let line = format!("d_bucket{{le=\"{bound}\"}} {expected}\n");
                prop_assert!(text.contains(&line), "{} not in {}", line, text);
            }
            let count = format!("d_count {}\n", values.len());
            prop_assert!(text.contains(&count));
        }

        #[test]
        fn durations_sum_up_to_the_last_nanosecond(values in prop::collection::vec(0_u64..=u64::MAX, 0..64), bounds in prop::collection::vec(0..NANOS.len(), 0..16)) {
            let durations = Durations::default();
            let exact = bounds.iter().map(|index| NANOS[*index]);
            let values: Vec<u64> = values.into_iter().chain(exact).collect();
            for value in &values {
                durations.observe(*value, None);
            }
            let text = text(|page| durations.write(page, "d", &Labels::default(), |_| true));
            let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
            let told = text.lines().find_map(|line| line.strip_prefix("d_sum ")).unwrap();
            let (seconds, rest) = told.split_once('.').unwrap_or((told, ""));
            let nanos: u128 = format!("{seconds}{rest:0<9}").parse().unwrap();
            prop_assert_eq!(nanos, sum);
            for (bound, limit) in SECONDS_BUCKETS.iter().zip(NANOS) {
                let expected = values.iter().filter(|value| **value <= limit).count();
                let line = format!("d_bucket{{le=\"{bound}\"}} {expected}\n");
                prop_assert!(text.contains(&line), "{} not in {}", line, text);
            }
        }
    }

    #[test]
    fn a_bucket_left_out_is_counted_in_the_next() {
        let durations = Durations::default();
        durations.observe(60_000_000, None);
        let fewer = |bound: f64| bound.total_cmp(&0.075).is_ne();
        let text = text(|page| durations.write(page, "d", &Labels::default(), fewer));
        assert!(!text.contains("0.075"), "{text}");
        assert!(
            text.contains("d_bucket{le=\"0.05\"} 0\nd_bucket{le=\"0.1\"} 1\n"),
            "{text}"
        );
    }
}
