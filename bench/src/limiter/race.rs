//! How many decisions a second.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::who::{Decides, Given};

/// Decisions that are timed together.
const STRETCH: usize = 64;
/// A stretch that took longer lost its core to another program.
const TORN: Duration = Duration::from_millis(1);

/// Decisions a second of all threads together; each has an order of its own.
pub(super) fn rate(
    who: &impl Decides,
    given: Option<&Given>,
    keys: &[String],
    orders: &[Vec<u32>],
    time: Duration,
) -> f64 {
    let stop = AtomicBool::new(false);
    let start = Barrier::new(orders.len() + 1);
    std::thread::scope(|scope| {
        let (start, stop) = (&start, &stop);
        let run = |order| {
            move || {
                start.wait();
                thread(who, keys, order, stop)
            }
        };
        let threads: Vec<_> = orders.iter().map(|order| scope.spawn(run(order))).collect();
        start.wait();
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::thread::sleep(Duration::from_millis(1));
            if let Some(given) = given {
                given.0.fetch_add(1_000_000, Ordering::Relaxed);
            }
        }
        stop.store(true, Ordering::Relaxed);
        // A thread that panicked makes its race a fault: no number is one.
        let rates = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(f64::NAN));
        rates.sum()
    })
}

/// Decisions a second of one thread. A request's key was just read off the
/// wire, so it is in the nearest cache; a million keys are not. So the keys of a
/// stretch are copied before, and only the decisions are timed.
fn thread(who: &impl Decides, keys: &[String], order: &[u32], stop: &AtomicBool) -> f64 {
    let mut near = vec![keys[0].clone(); STRETCH];
    let (mut count, mut took) = (0, Duration::ZERO);
    for stretch in order.chunks_exact(STRETCH).cycle() {
        // One key is near already, and a pause would keep threads from meeting at it.
        if keys.len() > 1 {
            for (near, &at) in near.iter_mut().zip(stretch) {
                near.clear();
                near.push_str(&keys[at as usize]);
            }
        }
        let begun = Instant::now();
        for key in &near {
            std::hint::black_box(who.decide(key));
        }
        let passed = begun.elapsed();
        if passed < TORN {
            took += passed;
            count += STRETCH;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    count as f64 / took.as_secs_f64()
}
