//! Who was refused most often: a bounded sketch (Metwally, Agrawal, El Abbadi,
//! "Efficient computation of frequent and top-k elements", 2005).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::subject::Found;
use crate::answers::{Partition, PartitionKey};
use crate::store::Id;

/// Keys that are watched at a time.
const WATCHED: usize = 32;

/// A key that was refused, by what nobody can undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedKey {
    /// Its partition key, as the client's fields say it; without partition keys
    /// the same by a secret that this process drew.
    pub key: String,
    /// Times it was refused: at most so many.
    pub count: u64,
    /// By how much the count may be too high.
    pub error: u64,
}

#[derive(Debug, Clone, Copy)]
struct Watched {
    id: Id,
    partition: Option<PartitionKey>,
    count: u64,
    error: u64,
}

/// The sketch; only refusals touch it, and none waits for it.
#[derive(Debug, Default)]
pub(super) struct Refused {
    watched: Mutex<Vec<Watched>>,
    missed: AtomicU64,
}

impl Refused {
    pub(super) fn note(&self, found: &Found) {
        let Ok(mut all) = self.watched.try_lock() else {
            // Another refusal is being noted. A sample will do.
            self.missed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if let Some(known) = all.iter_mut().find(|known| known.id == found.id) {
            known.count += 1;
            return;
        }
        let new = |error| Watched {
            id: found.id,
            partition: found.partition,
            count: error + 1,
            error,
        };
        if all.len() < WATCHED {
            all.push(new(0));
        } else if let Some(least) = all.iter_mut().min_by_key(|known| known.count) {
            *least = new(least.count);
        }
    }

    /// Refusals that were not noted because another was being noted.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Those refused most often, most first. The hash that stands for a key is
    /// safe only while nobody sees it, so it is told under a MAC.
    pub(super) fn most(&self, policy: &str, tags: &Partition) -> Vec<RefusedKey> {
        let mut all = self
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.sort_by_key(|known| std::cmp::Reverse(known.count));
        let row = |known: Watched| RefusedKey {
            key: known
                .partition
                .unwrap_or_else(|| tags.key(policy, known.id.words()))
                .to_string(),
            count: known.count,
            error: known.error,
        };
        all.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gcra::Gcra;
    use crate::limiter::subject::Stance;
    use crate::store::Identity;

    fn found(id: Id) -> Found {
        Found {
            id,
            gcra: Gcra::new(1_000, 1),
            cost: 1,
            stance: Stance::Enforces,
            plan: None,
            partition: None,
        }
    }

    #[test]
    fn a_key_is_told_by_a_mac_and_never_by_its_hash() {
        let refused = Refused::default();
        let id = Identity::random().bytes(b"tenant-7");
        refused.note(&found(id));
        let tags = Partition::drawn();
        let told = |policy, tags| refused.most(policy, tags).pop().unwrap().key;
        assert_eq!(told("one", &tags), tags.key("one", id.words()).to_string());
        assert_ne!(told("one", &tags), told("two", &tags));
        assert_ne!(told("one", &tags), told("one", &Partition::drawn()));
    }

    #[test]
    fn a_refusal_waits_for_no_other_and_what_is_missed_is_counted() {
        let refused = Refused::default();
        let id = Identity::random().bytes(b"tenant-7");
        let held = refused.watched.lock().unwrap();
        refused.note(&found(id));
        drop(held);
        refused.note(&found(id));
        assert_eq!(
            (
                refused.most("one", &Partition::drawn())[0].count,
                refused.missed()
            ),
            (1, 1)
        );
    }
}
