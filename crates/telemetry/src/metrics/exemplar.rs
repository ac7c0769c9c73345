//! The last kept trace behind a number: written without a lock, read whole or not at all.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::SystemTime;

use plimsoll_core::ids::{Ids, SpanId, TraceId};

/// A trace that is really kept, and when its number was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// Milliseconds since the Unix epoch.
    pub(crate) time: u64,
}

impl Mark {
    pub(crate) fn new(ids: &Ids, time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            trace_id: ids.trace_id,
            span_id: ids.span_id,
            time: since.unwrap_or_default().as_millis() as u64,
        }
    }
}

/// A mark and the value it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) mark: Mark,
    pub(crate) value: f64,
}

/// A place for one exemplar: a sequence lock. An odd turn means that a writer
/// is in it.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    turn: AtomicU64,
    words: [AtomicU64; 5],
}

impl Slot {
    /// Puts an exemplar in place of the last. One that meets another writer is
    /// left out: that writer's is as new.
    pub(crate) fn put(&self, exemplar: &Exemplar) {
        let turn = self.turn.load(Ordering::Relaxed);
        let (free, taken) = (turn & !1, turn | 1);
        let order = Ordering::Relaxed;
        if self
            .turn
            .compare_exchange(free, taken, order, order)
            .is_err()
        {
            return;
        }
        fence(Ordering::Release);
        for (word, place) in words(exemplar).into_iter().zip(&self.words) {
            place.store(word, order);
        }
        self.turn.store(free.wrapping_add(2), Ordering::Release);
    }

    /// The exemplar, unless there is none or it is being replaced just now.
    pub(crate) fn get(&self) -> Option<Exemplar> {
        let turn = self.turn.load(Ordering::Acquire);
        if turn == 0 || turn & 1 == 1 {
            return None;
        }
        let words = std::array::from_fn(|index| self.words[index].load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        (self.turn.load(Ordering::Relaxed) == turn).then(|| exemplar(words))
    }
}

fn words(exemplar: &Exemplar) -> [u64; 5] {
    let trace_id = exemplar.mark.trace_id.0;
    [
        (trace_id >> 64) as u64,
        trace_id as u64,
        exemplar.mark.span_id.0,
        exemplar.mark.time,
        exemplar.value.to_bits(),
    ]
}

fn exemplar([high, low, span_id, time, value]: [u64; 5]) -> Exemplar {
    Exemplar {
        mark: Mark {
            trace_id: TraceId(u128::from(high) << 64 | u128::from(low)),
            span_id: SpanId(span_id),
            time,
        },
        value: f64::from_bits(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn of(number: u64) -> Exemplar {
        exemplar([number, number, number, number, (number as f64).to_bits()])
    }

    #[test]
    fn what_is_read_was_written_by_one_writer() {
        let slot = Slot::default();
        assert_eq!(slot.get(), None);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 1..=2_u64 {
                let (slot, done) = (&slot, &done);
                scope.spawn(move || {
                    for number in 0..50_000 {
                        slot.put(&of(number * 2 + writer));
                    }
                    done.store(true, Ordering::Relaxed);
                });
            }
            while !done.load(Ordering::Relaxed) {
                if let Some(read) = slot.get() {
                    assert_eq!(read, of(read.mark.time));
                }
            }
        });
        slot.put(&of(7));
        assert_eq!(slot.get(), Some(of(7)));
    }
}
