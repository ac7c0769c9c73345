//! Keys of one process, in a table that never grows.
//!
//! A key whose TAT has passed is the same as one never seen, so its slot is
//! free without anybody sweeping: a new key looks at sixteen slots, no more,
//! and takes a free one. When all sixteen hold keys that are still being
//! counted, the new key is counted under a cell it shares with others in the
//! same plight. A flood of keys thus can't evict an active one, can't open the
//! limit and can't take memory; it only coarsens the counting of new keys.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};

use siphasher::sip128::{Hasher128, SipHasher13};

/// Slots a key may stand in: two places of eight.
const PLACE: usize = 8;
/// Most shards; each has a lock of its own.
const MAX_SHARDS: usize = 64;
/// Fewest slots worth a shard of their own.
const MIN_SHARD: usize = 1_024;

/// A key's identity: 128 bits of SipHash-1-3 under a key drawn at start, so that
/// nobody outside can make two keys meet. Two that met by chance (for 100,000
/// keys less than one in 10²⁸) would share one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(u64, u64);

/// The table; see the module.
///
/// ```
/// use plimsoll_ratelimit::store::Local;
///
/// let store = Local::new(100_000);
/// let id = store.id(&"client");
/// let mut cell = store.lock(id, 1_000);
/// assert_eq!(cell.tat(), 0);
/// cell.keep(5_000);
/// drop(cell);
/// assert_eq!(store.lock(id, 1_000).tat(), 5_000);
/// ```
pub struct Local {
    shards: Box<[Padded]>,
    places: usize,
    hasher: SipHasher13,
}

/// A shard on cache lines of its own.
#[repr(align(128))]
struct Padded(Mutex<Shard>);

struct Shard {
    slots: Box<[Slot]>,
    /// TAT of the cell that keys without a slot share.
    shared: u64,
    /// The latest time seen: a caller that read the clock and then waited for
    /// the lock must not decide in the past of another's decision.
    latest: u64,
    /// How often the shared cell was used.
    coarsened: u64,
}

#[derive(Clone, Copy)]
struct Slot {
    id: Id,
    tat: u64,
}

const FREE: Slot = Slot {
    id: Id(0, 0),
    tat: 0,
};

/// One key's word, locked.
pub struct Cell<'a> {
    shard: MutexGuard<'a, Shard>,
    id: Id,
    /// `None`: the shared cell.
    slot: Option<usize>,
    now: u64,
}

impl Local {
    /// A table with room for this many keys at a time (at least sixteen), in
    /// 32 bytes each, taken at once.
    pub fn new(max_keys: usize) -> Self {
        let slots = max_keys.saturating_add(max_keys / 3).max(2 * PLACE);
        let shards = (slots / MIN_SHARD).clamp(1, MAX_SHARDS);
        let places = slots.div_ceil(shards * PLACE);
        let shard = || Shard {
            slots: vec![FREE; places * PLACE].into(),
            shared: 0,
            latest: 0,
            coarsened: 0,
        };
        Self {
            shards: (0..shards).map(|_| Padded(Mutex::new(shard()))).collect(),
            places,
            hasher: SipHasher13::new_with_keys(drawn(), drawn()),
        }
    }

    /// The identity of a key in this table.
    pub fn id(&self, key: &(impl Hash + ?Sized)) -> Id {
        let mut hasher = self.hasher;
        key.hash(&mut hasher);
        let hash = hasher.finish128();
        Id(hash.h1, hash.h2)
    }

    /// Locks the word of a key as of `now`, in nanoseconds of any clock that
    /// does not go back.
    pub fn lock(&self, id: Id, now: u64) -> Cell<'_> {
        let shard = &self.shards[part(id.0, self.shards.len())].0;
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.latest = shard.latest.max(now);
        let now = shard.latest;
        let one = part(id.0.rotate_left(32), self.places) * PLACE;
        let two = part(id.1, self.places) * PLACE;
        let slot = shard.find(id, [one, two], now);
        Cell {
            shard,
            id,
            slot,
            now,
        }
    }

    /// How many decisions were made on a shared cell for want of a slot.
    pub fn coarsened(&self) -> u64 {
        let count = |shard: &Padded| {
            let shard = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
            shard.coarsened
        };
        self.shards.iter().map(count).sum()
    }

    /// Keys that are being counted at `now`. Looks at every slot: for tests and reports.
    pub fn active(&self, now: u64) -> usize {
        let count = |shard: &Padded| {
            let shard = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
            shard.slots.iter().filter(|slot| slot.tat > now).count()
        };
        self.shards.iter().map(count).sum()
    }
}

/// A random number: the standard library draws a key from the system for it.
fn drawn() -> u64 {
    RandomState::new().hash_one(())
}

/// Which of `parts` equal parts of all hashes this one lies in.
fn part(hash: u64, parts: usize) -> usize {
    ((u128::from(hash) * parts as u128) >> 64) as usize
}

impl Shard {
    /// The slot of a key: its own, else a free one of the emptier place.
    fn find(&self, id: Id, places: [usize; 2], now: u64) -> Option<usize> {
        let mut best = None;
        let mut most_free = 0;
        for start in places {
            let mut free = 0;
            let mut first = None;
            for (offset, slot) in self.slots[start..start + PLACE].iter().enumerate() {
                if slot.id == id && slot.tat > 0 {
                    return Some(start + offset);
                }
                if slot.tat <= now {
                    free += 1;
                    first = first.or(Some(start + offset));
                }
            }
            if free > most_free {
                most_free = free;
                best = first;
            }
        }
        best
    }
}

impl Cell<'_> {
    /// The time of this decision: never before that of an earlier one.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The key's TAT; 0 when it has none.
    pub fn tat(&self) -> u64 {
        match self.slot {
            None => self.shard.shared,
            Some(slot) if self.shard.slots[slot].id == self.id => self.shard.slots[slot].tat,
            Some(_) => 0,
        }
    }

    /// Keeps a TAT for the key.
    pub fn keep(&mut self, tat: u64) {
        let Some(slot) = self.slot else {
            self.shard.coarsened += 1;
            self.shard.shared = tat;
            return;
        };
        self.shard.slots[slot] = Slot { id: self.id, tat };
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slots = self.shards.len() * self.places * PLACE;
        f.debug_struct("Local")
            .field("slots", &slots)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_flood_of_keys_takes_no_memory_and_evicts_no_active_key() {
        let store = Local::new(3_000);
        let regular = store.id("regular");
        store.lock(regular, 10).keep(1_000);
        for key in 0..50_000 {
            store.lock(store.id(&key), 20).keep(900);
        }
        assert_eq!(store.lock(regular, 30).tat(), 1_000);
        assert!(store.active(30) <= 4_016, "{}", store.active(30));
        assert!(store.coarsened() > 40_000);
    }

    #[test]
    fn keys_within_the_cap_keep_slots_of_their_own() {
        let store = Local::new(30_000);
        for key in 0..30_000 {
            store.lock(store.id(&key), 20).keep(900);
        }
        let shared = store.coarsened();
        assert!(shared < 300, "{shared} of 30,000 without a slot");
    }

    #[test]
    fn a_slot_whose_time_has_passed_is_free_again() {
        let store = Local::new(16);
        for round in 1_u64..200 {
            let now = round * 1_000;
            for key in 0..8 {
                store.lock(store.id(&(round, key)), now).keep(now + 999);
            }
        }
        assert_eq!(store.coarsened(), 0);
    }

    #[test]
    fn a_key_keeps_its_own_slot_when_an_earlier_one_becomes_free() {
        let store = Local::new(16);
        for key in 0..12 {
            store.lock(store.id(&key), 1).keep(100 + key);
        }
        for key in 0..12 {
            assert_eq!(store.lock(store.id(&key), 105).tat(), 100 + key);
        }
    }

    #[test]
    fn a_caller_that_waited_for_the_lock_does_not_decide_in_the_past() {
        let gcra = Quota::per_second(1).burst(2).check().unwrap();
        let store = Local::new(16);
        let id = store.id("hot");
        store.lock(id, 9_000).keep(9_000 + gcra.limit());
        let mut late = store.lock(id, 1_000);
        assert_eq!(late.now(), 9_000);
        let (_, tat) = gcra.decide(late.tat(), late.now(), 1);
        late.keep(tat);
        assert_eq!(late.tat(), 9_000 + gcra.limit());
    }

    #[test]
    fn threads_on_one_key_never_pass_the_bound() {
        let gcra = Quota::per_second(1_000).burst(50).check().unwrap();
        let store = Local::new(100);
        let (id, ticks, admitted) = (store.id("hot"), AtomicU64::new(1), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let now = ticks.fetch_add(10_000, Ordering::Relaxed);
                        let mut cell = store.lock(id, now);
                        let (decision, tat) = gcra.decide(cell.tat(), cell.now(), 1);
                        cell.keep(tat);
                        admitted.fetch_add(u64::from(decision.allows()), Ordering::Relaxed);
                    }
                });
            }
        });
        let elapsed = ticks.into_inner();
        let bound = 50 + elapsed / gcra.interval();
        let admitted = admitted.into_inner();
        assert!(admitted <= bound, "{admitted} > {bound}");
        assert!(admitted >= bound - 2, "{admitted} far below {bound}");
    }
}
