//! A histogram of atomic buckets: recorded in a handful of instructions, no
//! upkeep, no memory that grows between scrapes.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::HistogramFn;
use plimsoll_core::names::SECONDS_BUCKETS;

use super::page::Page;

/// Counts per bucket (the last one is `+Inf`), and the sum.
#[derive(Debug)]
pub(crate) struct Buckets {
    counts: [AtomicU64; SECONDS_BUCKETS.len() + 1],
    sum: AtomicU64,
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            sum: AtomicU64::new(0.0_f64.to_bits()),
        }
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        // NaN is greater than no bound, so it would land in the first bucket.
        if value.is_nan() {
            return;
        }
        let bucket = SECONDS_BUCKETS.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        let _ = self
            .sum
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

impl Buckets {
    pub(crate) fn render(&self, page: &mut Page, name: &str, labels: &[(&str, &str)]) {
        let bucket = format!("{name}_bucket");
        let mut total = 0;
        let bounds = SECONDS_BUCKETS.iter().map(f64::to_string);
        for (bound, count) in bounds.chain(["+Inf".into()]).zip(&self.counts) {
            total += count.load(Ordering::Relaxed);
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            page.sample(&bucket, &labels, total);
        }
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed));
        page.sample(&format!("{name}_sum"), labels, sum);
        page.sample(&format!("{name}_count"), labels, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_are_cumulative_and_bounds_inclusive(values in prop::collection::vec(0.0_f64..20.0, 0..64)) {
            let buckets = Buckets::default();
            for value in &values {
                buckets.record(*value);
            }
            let mut page = Page::default();
            buckets.render(&mut page, "d", &[]);
            let text = page.finish();
            for bound in SECONDS_BUCKETS {
                let expected = values.iter().filter(|value| **value <= bound).count();
                let line = format!("d_bucket{{le=\"{bound}\"}} {expected}\n");
                prop_assert!(text.contains(&line), "{} not in {}", line, text);
            }
            let count = format!("d_count {}\n", values.len());
            prop_assert!(text.contains(&count));
        }
    }
}
