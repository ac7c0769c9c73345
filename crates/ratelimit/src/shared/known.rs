//! What the store said of keys that have no cells.
//!
//! A TAT only grows, so a key that was found empty stays so until its wait is
//! over, for every process, and whatever its quota has become: nobody has to be
//! asked. Cells that another process gives back meanwhile are noticed then, our
//! own at once.

use std::sync::{Mutex, PoisonError};

use crate::gcra::{Decision, Gcra};
use crate::store::Id;

/// Keys that can be known at a time; of two that want one place the later has it.
const PLACES: usize = 8_192;

#[derive(Debug)]
pub(super) struct Known(Box<[Mutex<Slot>]>);

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: Option<(Id, usize)>,
    /// The key's TAT is not before this, in the limiter's time.
    tat: u64,
}

impl Known {
    pub(super) fn new() -> Self {
        Self((0..PLACES).map(|_| Mutex::default()).collect())
    }

    /// The denial of a request that cannot pass.
    pub(super) fn denial(
        &self,
        (id, policy): (Id, usize),
        gcra: Gcra,
        cost: u32,
        now: u64,
    ) -> Option<Decision> {
        let slot = *self.slot(id, policy);
        if slot.key != Some((id, policy)) {
            return None;
        }
        let (decision, _) = gcra.decide(slot.tat, now, cost);
        (!decision.allows()).then_some(decision)
    }

    /// Learns that a key's TAT is at least so far ahead.
    pub(super) fn learn(&self, (id, policy): (Id, usize), tat: u64) {
        *self.slot(id, policy) = Slot {
            key: Some((id, policy)),
            tat,
        };
    }

    /// Learns that a key may have cells again.
    pub(super) fn forget(&self, (id, policy): (Id, usize)) {
        let mut slot = self.slot(id, policy);
        if slot.key == Some((id, policy)) {
            slot.key = None;
        }
    }

    fn slot(&self, id: Id, policy: usize) -> std::sync::MutexGuard<'_, Slot> {
        let at = (id.words()[1] as usize).wrapping_add(policy) % PLACES;
        self.0[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
