//! What was admitted without the store, to be debited when it is back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::Want;

/// Keys that can owe at a time; what further ones are admitted is not debited.
const MAX_KEYS: usize = 16_384;
/// Debts paid at a time without their key being asked for: one script call's.
const AT_ONCE: usize = 64;
/// Nanoseconds between two such payments, so that a store that has just come
/// back is not flooded.
const PAUSE: u64 = 100_000_000;

#[derive(Debug, Default)]
pub(super) struct Debts {
    owed: Mutex<HashMap<Arc<str>, Want>>,
    /// How many keys owe: spares the lock while none does.
    keys: AtomicUsize,
    paid_at: AtomicU64,
    forgiven: AtomicU64,
}

impl Debts {
    /// Notes what a request took without being counted. A key owes at most its burst.
    pub(super) fn owe(&self, want: &Want) {
        let mut owed = self.lock();
        if let Some(debt) = owed.get_mut(&want.key) {
            let cells = debt.cells.saturating_add(want.cells);
            debt.cells = cells.min(want.gcra.burst());
            debt.gcra = want.gcra;
        } else if owed.len() < MAX_KEYS {
            owed.insert(Arc::clone(&want.key), want.clone());
        } else {
            self.forgiven
                .fetch_add(want.cells.into(), Ordering::Relaxed);
        }
        self.keys.store(owed.len(), Ordering::Relaxed);
    }

    /// Takes what a key owes, to be paid before it is asked for.
    pub(super) fn of(&self, key: &Arc<str>) -> Option<Want> {
        if self.keys.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut owed = self.lock();
        let debt = owed.remove(key);
        self.keys.store(owed.len(), Ordering::Relaxed);
        debt
    }

    /// Takes some debts, if it is time to pay any.
    pub(super) fn due(&self, now: u64) -> Vec<Want> {
        if self.keys.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let last = self.paid_at.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= PAUSE;
        let mine = due
            && self
                .paid_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if !mine {
            return Vec::new();
        }
        let mut owed = self.lock();
        let keys: Vec<_> = owed.keys().take(AT_ONCE).cloned().collect();
        let debts = keys.iter().filter_map(|key| owed.remove(key)).collect();
        self.keys.store(owed.len(), Ordering::Relaxed);
        debts
    }

    /// Keys that owe.
    pub(super) fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// Cells that will not be debited, for want of room.
    pub(super) fn forgiven(&self) -> u64 {
        self.forgiven.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Want>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
