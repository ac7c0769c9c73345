//! A bounded queue and the one thread that empties it in batches: what a signal
//! sends away waits here, and what finds no room is counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::exports::{Exports, Outlet, Queue, Sent};
use crate::ledger::{Balance, Ledger, Reason};

/// Bounds of the queue, with the specification's defaults for spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    pub(crate) queue: usize,
    pub(crate) batch: usize,
    pub(crate) delay: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            queue: 2_048,
            batch: 512,
            delay: Duration::from_secs(5),
        }
    }
}

/// Sends a batch, which it empties, and says how many of it were lost.
pub(crate) type Send<T> = Box<dyn FnMut(&mut Vec<T>) -> u64>;

/// A shared handle on the queue and its thread.
#[derive(Debug)]
pub(crate) struct Outbox<T>(Arc<Shared<T>>);

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    work: Condvar,
    done: Condvar,
    batching: Batching,
    /// Places of the queue that are filled or reserved.
    taken: AtomicUsize,
    closing: AtomicBool,
    ledger: Ledger,
    exports: Exports,
    /// Set under the lock of `state`, so that nobody who waits misses it.
    hurry: AtomicBool,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    sending: u64,
    flush: bool,
    closing: bool,
    closed: bool,
}

/// Room for one item.
#[derive(Debug)]
#[must_use = "dropping it gives the room back"]
pub(crate) struct Slot<'a, T> {
    shared: &'a Shared<T>,
    filled: bool,
}

impl<T> Slot<'_, T> {
    pub(crate) fn fill(mut self, item: T) {
        self.filled = true;
        self.shared.push(item);
    }
}

impl<T> Drop for Slot<'_, T> {
    fn drop(&mut self) {
        if !self.filled {
            self.shared.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<T: std::marker::Send + 'static> Outbox<T> {
    /// Starts the thread. `connect` is called on it, because a blocking client
    /// must not be made inside a runtime;
    /// it counts there the bytes that it sends.
    pub(crate) fn start(
        thread: &str,
        batching: Batching,
        connect: impl FnOnce(Sent) -> Send<T> + std::marker::Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                sending: 0,
                flush: false,
                closing: false,
                closed: false,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
            batching,
            taken: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            ledger: Ledger::default(),
            exports: Exports::default(),
            hurry: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(thread.into())
            .spawn(move || {
                let send = connect(of_thread.exports.sent().clone());
                of_thread.send_until_closed(send);
            })?;
        Ok(Self(shared))
    }
}

impl<T> Outbox<T> {
    /// Room for one item. Without room it is counted as lost.
    pub(crate) fn reserve(&self) -> Option<Slot<'_, T>> {
        let shared = &*self.0;
        let reason = if shared.closing.load(Ordering::Relaxed) {
            Reason::Shutdown
        } else if shared.take() {
            return Some(Slot {
                shared,
                filled: false,
            });
        } else {
            Reason::QueueFull
        };
        shared.ledger.produce(1);
        shared.ledger.drop_for(reason, 1);
        None
    }

    pub(crate) fn balance(&self) -> Balance {
        let state = self.0.lock();
        let held = state.queue.len() as u64 + state.sending;
        self.0.ledger.balance(held)
    }

    /// How full the queue is and how the receiver takes what it is sent.
    pub(crate) fn outlet(&self, signal: &'static str) -> Outlet {
        let depth = self.0.lock().queue.len() as u64;
        let capacity = self.0.batching.queue as u64;
        self.0.exports.outlet(signal, Queue { depth, capacity })
    }

    /// Ends a wait in [`Self::close`], now or to come.
    pub(crate) fn hurry(&self) {
        let state = self.0.lock();
        self.0.hurry.store(true, Ordering::Relaxed);
        self.0.done.notify_all();
        drop(state);
    }

    /// Sends what is queued now; `false` when that takes longer than `limit`.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let mut state = self.0.lock();
        if state.closed {
            return true;
        }
        state.flush = true;
        self.0.work.notify_one();
        let busy = |state: &mut State<T>| state.flush && !state.closed;
        let waited = self.0.done.wait_timeout_while(state, limit, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Sends what is queued until `deadline`; what is left is counted as lost.
    pub(crate) fn close(&self, deadline: Instant) {
        self.0.closing.store(true, Ordering::Relaxed);
        let mut state = self.0.lock();
        state.closing = true;
        self.0.work.notify_one();
        while !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.0.hurry.load(Ordering::Relaxed) {
                break;
            }
            let waited = self.0.done.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let left = std::mem::take(&mut state.queue);
        drop(state);
        self.0.taken.fetch_sub(left.len(), Ordering::Relaxed);
        self.0.ledger.drop_for(Reason::Shutdown, left.len() as u64);
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place of the queue.
    fn take(&self) -> bool {
        let order = Ordering::Relaxed;
        let room = |taken| (taken < self.batching.queue).then_some(taken + 1);
        self.taken.fetch_update(order, order, room).is_ok()
    }

    /// Fills a place that was taken.
    fn push(&self, item: T) {
        self.ledger.produce(1);
        let mut state = self.lock();
        if state.closing {
            drop(state);
            self.taken.fetch_sub(1, Ordering::Relaxed);
            self.ledger.drop_for(Reason::Shutdown, 1);
            return;
        }
        state.queue.push_back(item);
        // The first item starts the delay, a full batch ends it.
        let wake = state.queue.len() == 1 || state.queue.len() == self.batching.batch;
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    fn send_until_closed(&self, mut send: Send<T>) {
        let mut items = Vec::with_capacity(self.batching.batch);
        while self.next_batch(&mut items) {
            let count = items.len() as u64;
            let begun = Instant::now();
            let lost = send(&mut items).min(count);
            items.clear();
            self.exports.note(lost == 0, begun.elapsed());
            let mut state = self.lock();
            state.sending = 0;
            self.ledger.deliver(count - lost);
            self.ledger.drop_for(Reason::ExportFailed, lost);
            if state.queue.is_empty() {
                state.flush = false;
                self.done.notify_all();
            }
        }
        let mut state = self.lock();
        state.closed = true;
        self.done.notify_all();
    }

    /// Waits for a full batch, the delay, a flush or the end; `false` is the end.
    fn next_batch(&self, items: &mut Vec<T>) -> bool {
        let mut state = self.lock();
        let mut due = None;
        loop {
            let urgent = state.flush || state.closing;
            if !state.queue.is_empty() {
                let now = Instant::now();
                let due = *due.get_or_insert(now + self.batching.delay);
                if urgent || state.queue.len() >= self.batching.batch || now >= due {
                    break;
                }
                let waited = self.work.wait_timeout(state, due - now);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if state.closing {
                return false;
            }
            if state.flush {
                state.flush = false;
                self.done.notify_all();
            }
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.queue.len().min(self.batching.batch);
        items.extend(state.queue.drain(..count));
        state.sending = count as u64;
        drop(state);
        self.taken.fetch_sub(count, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_item_is_delivered_lost_or_never_got_room(
            queue in 1_usize..40,
            batch in 1_usize..40,
            lost in prop::collection::vec(0_u64..50, 1..8),
            items in 0_u64..200,
            unused in 0_usize..10,
        ) {
            let batching = Batching { queue, batch: batch.min(queue), delay: Duration::ZERO };
            let taken = Arc::<Mutex<(u64, u64)>>::default();
            let seen = Arc::clone(&taken);
            let outbox = Outbox::start("outbox", batching, move |_| {
                let mut turns = lost.into_iter().cycle();
                Box::new(move |batch: &mut Vec<u64>| {
                    let count = batch.len() as u64;
                    let lost = turns.next().unwrap_or(0);
                    let mut seen = seen.lock().unwrap();
                    seen.0 += count - lost.min(count);
                    seen.1 += lost.min(count);
                    lost
                })
            });
            let outbox = outbox.unwrap();
            for _ in 0..unused {
                // Room that is given back is not an item.
                drop(outbox.reserve());
            }
            let given_up = outbox.balance().produced;
            for item in 0..items {
                if let Some(slot) = outbox.reserve() {
                    slot.fill(item);
                }
            }
            prop_assert!(outbox.flush(Duration::from_secs(10)));
            outbox.close(Instant::now() + Duration::from_secs(10));
            prop_assert!(outbox.reserve().is_none());
            let balance = outbox.balance();
            prop_assert!(balance.holds(), "{:?}", balance);
            prop_assert_eq!(balance.produced, given_up + items + 1);
            prop_assert_eq!(balance.pending, 0);
            let (delivered, lost) = *taken.lock().unwrap();
            prop_assert_eq!(balance.delivered, delivered);
            prop_assert_eq!(balance.dropped[Reason::ExportFailed as usize], lost);
            prop_assert_eq!(balance.dropped[Reason::Shutdown as usize], 1);
        }
    }
}
