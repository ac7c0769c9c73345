//! The cells of one key that this process holds.

use std::sync::Arc;

use super::{Asked, Lease};
use crate::gcra::{Decision, Gcra};

/// Where a request's cells came from, so that they can be given back there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// When the cells expire.
    until: u64,
    /// How often the store had been asked for cells of the key before.
    asks: u32,
}

/// Cells that expire together.
#[derive(Debug, Clone, Copy, Default)]
struct Lot {
    cells: u32,
    until: u64,
}

/// One key's account.
#[derive(Debug)]
pub(super) struct Account {
    /// The one that is spent, and the one that was taken ahead.
    lots: [Lot; 2],
    /// The key's TAT is not before this, in the caller's time: the store decided
    /// after it was asked.
    tat: u64,
    /// Cells spent since the store was asked last, and when that was.
    spent: u32,
    since: u64,
    /// Cells that are spent in a time to live, as last seen.
    demand: u32,
    asked: Option<Asked>,
    /// How often the store was asked.
    asks: u32,
}

/// Cells left at which it is time to take more: half of what was taken.
const AHEAD: u32 = 2;

impl Account {
    pub(super) fn new(now: u64) -> Self {
        Self {
            lots: [Lot::default(); 2],
            tat: 0,
            spent: 0,
            since: now,
            demand: 0,
            asked: None,
            asks: 0,
        }
    }

    pub(super) fn tat(&self) -> u64 {
        self.tat
    }

    pub(super) fn asked(&self) -> Option<Asked> {
        self.asked.clone()
    }

    /// Whether the account says anything that a new one would not.
    pub(super) fn is_live(&self, now: u64) -> bool {
        self.asked.is_some() || self.held(now) > 0 || self.tat > now
    }

    /// Cells that can be spent.
    pub(super) fn held(&self, now: u64) -> u32 {
        let live = self.lots.iter().filter(|lot| lot.until > now);
        live.map(|lot| lot.cells).sum()
    }

    /// Spends cells, if there are as many; of two lots the one that expires
    /// first tells where they came from.
    pub(super) fn take(&mut self, cost: u32, now: u64) -> Option<Paid> {
        let [first, second] = &mut self.lots;
        if first.until <= now {
            *first = std::mem::take(second);
        }
        if first.until <= now {
            first.cells = 0;
        }
        let until = if first.cells > 0 {
            first.until
        } else {
            second.until
        };
        if first.cells >= cost {
            first.cells -= cost;
        } else if second.until > now && first.cells + second.cells >= cost {
            second.cells -= cost - first.cells;
            *first = std::mem::take(second);
        } else {
            return None;
        }
        self.spent = self.spent.saturating_add(cost);
        let asks = self.asks;
        Some(Paid { until, asks })
    }

    pub(super) fn take_late(&mut self, cost: u32) -> bool {
        for lot in &mut self.lots {
            if lot.cells >= cost {
                lot.cells -= cost;
                return true;
            }
        }
        false
    }

    /// Takes cells back into the lot that they came from, and says whether it
    /// did. Those that were spent before the store was asked last are not:
    /// it was asked for others in their place.
    pub(super) fn give_back(&mut self, cost: u32, paid: Paid, now: u64) -> bool {
        self.spent = self.spent.saturating_sub(cost);
        if paid.asks != self.asks || paid.until <= now {
            return false;
        }
        let lot = self.lots.iter_mut().find(|lot| lot.until == paid.until);
        if let Some(lot) = lot {
            lot.cells += cost;
            return true;
        }
        false
    }

    /// What can be told of the key: what the store has, and what is held here.
    pub(super) fn decision(&self, gcra: Gcra, now: u64) -> Decision {
        let held = u64::from(self.held(now)) * gcra.interval();
        gcra.decide(self.tat.saturating_sub(held), now, 0).0
    }

    /// How many cells to take ahead, if it is time to.
    pub(super) fn ahead(
        &mut self,
        gcra: Gcra,
        now: u64,
        lease: Lease,
        most: u32,
        nodes: u32,
    ) -> Option<u32> {
        let taken = self.demand.min(most);
        if self.asked.is_some() || taken < AHEAD || self.lots[1].cells > 0 {
            return None;
        }
        if self.lots[0].cells > taken / AHEAD || gcra.decide(self.tat, now, 1).0.remaining == 0 {
            return None;
        }
        // Never more than `most` in hand.
        if self.held(now) >= most {
            return None;
        }
        Some(self.ask(gcra, 1, now, lease, most, nodes))
    }

    /// How many cells to ask the store for.
    pub(super) fn ask(
        &mut self,
        gcra: Gcra,
        cost: u32,
        now: u64,
        lease: Lease,
        most: u32,
        nodes: u32,
    ) -> u32 {
        let past = now.saturating_sub(self.since).max(1_000_000);
        let ttl = u128::from(lease.ttl_nanos());
        let seen = u128::from(self.spent) * ttl / u128::from(past);
        let seen = u32::try_from(seen).unwrap_or(u32::MAX);
        // Follows a rise at once and a fall by halves.
        self.demand = seen.max(self.demand / 2 + seen / 2);
        (self.spent, self.since) = (0, now);
        self.asks = self.asks.wrapping_add(1);
        self.asked = Some(Arc::default());
        // Towards the end of a quota the processes take small shares of what is left.
        let left = gcra.decide(self.tat, now, 0).0.remaining;
        let fair = left / nodes.max(1).saturating_mul(2);
        let held = self.held(now);
        let room = most.saturating_sub(held).max(1);
        let missing = cost.saturating_sub(held).max(1);
        self.demand.min(fair).max(missing).min(room.max(missing))
    }

    pub(super) fn fill(&mut self, granted: u32, backlog: u64, sent: u64, ttl: u64) {
        self.tat = self.tat.max(sent.saturating_add(backlog));
        let lot = Lot {
            cells: granted,
            until: sent.saturating_add(ttl),
        };
        if granted > 0 {
            let [first, second] = &mut self.lots;
            if first.cells == 0 || first.until <= sent {
                *first = lot;
            } else {
                // What the second held is older: its time is over or it is empty.
                *second = lot;
            }
        }
        self.answered();
    }

    pub(super) fn answered(&mut self) {
        if let Some(asked) = self.asked.take() {
            asked.notify_waiters();
        }
    }
}
