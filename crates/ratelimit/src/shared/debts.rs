//! What was admitted without the store, to be debited when it is back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::Want;

/// Keys that can owe at a time; what further ones are admitted is not debited.
const MAX_KEYS: usize = 16_384;

#[derive(Debug, Default)]
pub(super) struct Debts {
    owed: Mutex<HashMap<Arc<str>, Want>>,
    /// How many keys owe: spares the lock while none does.
    keys: AtomicUsize,
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

    /// Takes back what a request owed that was refused further inside; whether
    /// it could. A debt as high as it can be may have been higher.
    pub(super) fn take_back(&self, want: &Want) -> bool {
        let mut owed = self.lock();
        let Some(debt) = owed.get_mut(&want.key) else {
            return false;
        };
        if debt.cells < want.cells || debt.cells >= debt.gcra.burst() {
            return false;
        }
        debt.cells -= want.cells;
        if debt.cells == 0 {
            owed.remove(&want.key);
        }
        self.keys.store(owed.len(), Ordering::Relaxed);
        true
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

    /// Takes what some key owes, to be paid along with a call: one a call, so that
    /// a store that has just come back gets no more than twice what it is asked.
    pub(super) fn any(&self) -> Option<Want> {
        if self.keys.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut owed = self.lock();
        let key = owed.keys().next().cloned()?;
        let debt = owed.remove(&key);
        self.keys.store(owed.len(), Ordering::Relaxed);
        debt
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
