//! How many decisions a second.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::who::{Decides, Given};

/// Decisions between two looks at whether time is up.
const STRETCH: usize = 4_096;

/// Decisions a second of all threads together; each has an order of its own.
pub(super) fn rate(
    who: &impl Decides,
    given: Option<&Given>,
    keys: &[String],
    orders: &[Vec<u32>],
    time: Duration,
) -> f64 {
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let start = Barrier::new(orders.len() + 1);
    let mut took = Duration::ZERO;
    std::thread::scope(|scope| {
        for order in orders {
            scope.spawn(|| {
                start.wait();
                let mut count = 0;
                'all: loop {
                    for stretch in order.chunks(STRETCH) {
                        for &at in stretch {
                            std::hint::black_box(who.decide(&keys[at as usize]));
                        }
                        count += stretch.len() as u64;
                        if stop.load(Ordering::Relaxed) {
                            break 'all;
                        }
                    }
                }
                done.fetch_add(count, Ordering::Relaxed);
            });
        }
        start.wait();
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::thread::sleep(Duration::from_millis(1));
            if let Some(given) = given {
                given.0.fetch_add(1_000_000, Ordering::Relaxed);
            }
        }
        stop.store(true, Ordering::Relaxed);
        took = begun.elapsed();
    });
    done.into_inner() as f64 / took.as_secs_f64()
}
