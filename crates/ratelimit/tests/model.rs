//! The local store under every interleaving that the memory model allows of
//! two or three threads: loom runs the store's own source, on its atomics and
//! its mutex, with places of one slot.
//!
//! What must hold in each: no key is let through more often than its quota says,
//! whoever takes or gives up a slot meanwhile, and nobody's cells are taken from
//! another's key.

#![allow(
    clippy::modulo_one,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "the store's source is included whole and used in part"
)]

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;
use plimsoll_core::Clock;
use plimsoll_core::clock::Hand;
use plimsoll_ratelimit::Quota;
use plimsoll_ratelimit::gcra::Gcra;

use store::{Id, Identity, local::Local};

/// In place of the crate's own module of this name.
mod sync {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{Ordering, fence};
    pub(crate) use std::sync::PoisonError;

    use loom::sync::atomic;

    pub(crate) const PLACE: usize = 1;

    /// loom 0.7 orders an access anew only against the last one before it. A
    /// thread's own load hides another's from its compare-and-swap, so that the
    /// two orders of load and swap would be taken for one. Here each access
    /// first marks its turn by a write, which synchronises nothing.
    pub(crate) struct AtomicU64 {
        own: atomic::AtomicU64,
        turns: atomic::AtomicU64,
    }

    impl AtomicU64 {
        pub(crate) fn new(value: u64) -> Self {
            let [own, turns] = [value, 0].map(atomic::AtomicU64::new);
            Self { own, turns }
        }

        fn in_turn(&self) -> &atomic::AtomicU64 {
            self.turns.fetch_add(1, Ordering::Relaxed);
            &self.own
        }

        pub(crate) fn load(&self, order: Ordering) -> u64 {
            self.in_turn().load(order)
        }

        pub(crate) fn store(&self, value: u64, order: Ordering) {
            self.in_turn().store(value, order);
        }

        pub(crate) fn swap(&self, value: u64, order: Ordering) -> u64 {
            self.in_turn().swap(value, order)
        }

        pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            self.in_turn().fetch_add(value, order)
        }

        pub(crate) fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
            self.in_turn().fetch_sub(value, order)
        }

        pub(crate) fn compare_exchange(
            &self,
            seen: u64,
            new: u64,
            done: Ordering,
            failed: Ordering,
        ) -> Result<u64, u64> {
            self.in_turn().compare_exchange(seen, new, done, failed)
        }
    }
}

mod gcra {
    pub(crate) use plimsoll_ratelimit::gcra::*;
}

#[path = "../src/store"]
mod store {
    mod identity;
    pub(crate) mod local;

    pub(crate) use identity::{Id, Identity};
}

/// A table with so many slots; with one, both places of every key are the same.
fn table(slots: usize) -> (Arc<Local>, Clock, Hand) {
    let (clock, hand) = Clock::manual();
    let store = Local::with(slots, Identity::keyed([7; 16]), clock.clone());
    (Arc::new(store), clock, hand)
}

fn key(store: &Local, number: u64) -> Id {
    store.identity().number(number)
}

/// One cell an hour, and a burst of so many.
fn hourly(burst: u32) -> Gcra {
    Quota::per_hour(1).burst(burst).check().unwrap()
}

/// Whether a key with a burst of one passes.
fn passes(store: &Local, number: u64, now: u64) -> bool {
    store.decide(key(store, number), hourly(1), 1, now).allows()
}

/// Runs `model` under every interleaving with at most two preemptions: with four
/// there are twenty times as many, which take minutes.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

#[test]
fn two_threads_that_bring_the_same_new_key_count_it_once() {
    explore(|| {
        let (store, clock, _hand) = table(2);
        let now = clock.now();
        let other = thread::spawn({
            let store = store.clone();
            move || passes(&store, 1, now)
        });
        let own = passes(&store, 1, now);
        assert!(own ^ other.join().unwrap());
    });
}

#[test]
fn a_key_that_comes_back_and_one_that_takes_its_slot_are_both_counted() {
    explore(|| {
        let (store, clock, hand) = table(1);
        assert!(passes(&store, 1, clock.now()));
        // The slot of key 1 is free, but still bears its name.
        hand.advance(Duration::from_hours(1));
        let now = clock.now();
        let other = thread::spawn({
            let store = store.clone();
            move || passes(&store, 2, now)
        });
        let own = passes(&store, 1, now);
        assert!(own && other.join().unwrap());
        assert_eq!(
            store.coarsened(),
            1,
            "one has the slot, one the shared cell"
        );
        assert!(!passes(&store, 1, now));
        assert!(!passes(&store, 2, now));
    });
}

#[test]
fn threads_on_one_key_admit_its_burst_and_no_more() {
    explore(|| {
        let (store, clock, _hand) = table(1);
        let now = clock.now();
        let takes = move |store: &Local| store.decide(key(store, 1), hourly(3), 1, now).allows();
        assert!(takes(&store));
        let others = [(); 2].map(|()| {
            let store = store.clone();
            thread::spawn(move || takes(&store))
        });
        let own = u32::from(takes(&store));
        let others = others.map(|other| u32::from(other.join().unwrap()));
        assert_eq!(own + others.iter().sum::<u32>(), 2);
    });
}

#[test]
fn cells_given_back_while_others_take_are_neither_lost_nor_doubled() {
    explore(|| {
        let (store, clock, _hand) = table(1);
        let now = clock.now();
        assert!(store.decide(key(&store, 1), hourly(2), 2, now).allows());
        let giver = thread::spawn({
            let store = store.clone();
            move || store.refund(key(&store, 1), hourly(2), 1, now)
        });
        let taken = store.decide(key(&store, 1), hourly(2), 1, now).allows();
        giver.join().unwrap();
        let left = store.peek(key(&store, 1), hourly(2), 0, now).remaining;
        assert_eq!(u32::from(taken) + left, 1);
    });
}

#[test]
fn a_debit_never_lands_on_the_key_that_took_the_slot_over_and_gave_its_cell_back() {
    explore(|| {
        let (store, clock, hand) = table(1);
        assert!(passes(&store, 1, clock.now()));
        hand.advance(Duration::from_hours(1));
        let now = clock.now();
        let other = thread::spawn({
            let store = store.clone();
            move || {
                // After this the slot's TAT is the very nanosecond it was.
                let first = passes(&store, 2, now);
                store.refund(key(&store, 2), hourly(1), 1, now);
                first
            }
        });
        let own = passes(&store, 1, now);
        assert!(own && other.join().unwrap());
        let [slot, shared] = [store.active(now), store.coarsened() as usize];
        // Key 1 stands in the slot or is counted by the shared cell; key 2 gave
        // its cell back or left it in the shared one.
        assert!(slot == 1 || shared == 1, "slot {slot}, shared {shared}");
        assert!(slot == 0 || !passes(&store, 1, now));
    });
}

#[test]
fn a_look_never_reads_another_keys_word() {
    explore(|| {
        let (store, clock, hand) = table(1);
        assert!(passes(&store, 1, clock.now()));
        hand.advance(Duration::from_hours(1));
        let now = clock.now();
        let other = thread::spawn({
            let store = store.clone();
            move || passes(&store, 2, now)
        });
        // Key 1 has recovered, whatever key 2 does to the slot it stood in.
        assert!(store.peek(key(&store, 1), hourly(1), 1, now).allows());
        assert!(other.join().unwrap());
    });
}
