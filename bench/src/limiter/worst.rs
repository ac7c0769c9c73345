//! How long single decisions take while keys are reclaimed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hdrhistogram::Histogram;
use plimsoll_bench_ours::Fault;
use serde::{Deserialize, Serialize};

use super::who::{Decides, Given};

/// Nanoseconds of single decisions, each with two readings of the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Single {
    /// Half take no longer.
    pub p50: u64,
    /// All but one of 10,000.
    pub p9999: u64,
    /// The longest.
    pub worst: u64,
}

/// Decisions on keys in an order, while `meanwhile` runs over and over on
/// another thread if there is one.
///
/// # Errors
///
/// Never in practice: the histogram's bounds are good.
pub(super) fn single(
    who: &impl Decides,
    given: &Given,
    keys: &[String],
    order: &[u32],
    meanwhile: Option<&(dyn Fn() + Sync)>,
) -> Result<Single, Fault> {
    let mut nanos = Histogram::<u64>::new_with_max(10_000_000_000, 3)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if let Some(meanwhile) = meanwhile {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    meanwhile();
                }
            });
        }
        for &at in order {
            // A microsecond a decision: a million a second.
            given.0.fetch_add(1_000, Ordering::Relaxed);
            let key = &keys[at as usize];
            let begun = Instant::now();
            std::hint::black_box(who.decide(key));
            nanos.saturating_record(begun.elapsed().as_nanos() as u64);
        }
        stop.store(true, Ordering::Relaxed);
    });
    Ok(Single {
        p50: nanos.value_at_quantile(0.5),
        p9999: nanos.value_at_quantile(0.9999),
        worst: nanos.max(),
    })
}
