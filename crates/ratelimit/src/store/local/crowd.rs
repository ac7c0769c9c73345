//! The cells of a desk, for keys that have no slot.
//!
//! Keys of one quota share a cell that is theirs alone: a cell decided by two
//! quotas would be clamped to the shorter of their limits, and each request of
//! the one would open the other again. When more quotas than that are in need at one desk, those
//! that come later share one more cell, whose TAT is only ever raised: each then
//! gets its own quota there at most, and may get less because of the others.

use super::slot::{Ask, Slot};
use crate::gcra::Decision;
use crate::store::Id;

/// Quotas with a cell of their own.
const APART: usize = 3;

/// Asked only by who holds the desk.
pub(super) struct Crowd {
    apart: [Slot; APART],
    rest: Slot,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self {
            apart: std::array::from_fn(|_| Slot::new()),
            rest: Slot::new(),
        }
    }

    pub(super) fn decide(&self, ask: &Ask<'_>) -> Decision {
        let id = Id::of_crowd(ask.gcra);
        let mut own = self.apart.iter().filter(|slot| slot.seems(id));
        if let Some(decided) = own.find_map(|slot| slot.decide(id, ask)) {
            return decided.decision;
        }
        // A cell whose time has passed keeps nothing that could be lost.
        let free = |slot: &Slot| slot.free(ask.now);
        let Some((slot, seen)) = self.apart.iter().find_map(|slot| Some((slot, free(slot)?)))
        else {
            return self.rest.decide_for_all(ask);
        };
        let (decision, tat) = ask.decide(0);
        if ask.take && ask.cost > 0 && decision.allows() && !slot.claim(seen, id, tat) {
            return self.rest.decide_for_all(ask);
        }
        decision
    }
}
