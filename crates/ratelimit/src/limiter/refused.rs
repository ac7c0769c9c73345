//! Who was refused most often: a bounded sketch (Metwally, Agrawal, El Abbadi,
//! "Efficient computation of frequent and top-k elements", 2005).

use std::sync::{Mutex, PoisonError};

use super::subject::Found;
use crate::answers::PartitionKey;
use crate::store::Id;

/// Keys that are watched at a time.
const WATCHED: usize = 32;

/// A key that was refused, by what nobody can undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedKey {
    /// Its partition key, as the client's fields say it; without partition keys
    /// a hash that this process alone makes.
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

/// The sketch; only refusals touch it.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<Vec<Watched>>);

impl Refused {
    pub(super) fn note(&self, found: &Found) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Those refused most often, most first.
    pub(super) fn most(&self) -> Vec<RefusedKey> {
        let mut all = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.sort_by_key(|known| std::cmp::Reverse(known.count));
        let row = |known: Watched| RefusedKey {
            key: match known.partition {
                Some(partition) => partition.to_string(),
                None => format!("{:016x}", known.id.words()[0]),
            },
            count: known.count,
            error: known.error,
        };
        all.into_iter().map(row).collect()
    }
}
