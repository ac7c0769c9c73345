//! Leases: cells that a process took from the shared store before it uses them,
//! and then spends without asking anybody.
//!
//! A lease is debited when it is taken and spent within its time to live, counted
//! from when it was asked for; what is left then expires and is not given back.
//! So in any stretch of time W all processes together admit at most
//! `burst + ⌊(W + ttl) / T⌋`, and also at most `burst + ⌊W / T⌋ + nodes × most`,
//! however many of them crash: an overshoot of [`Lease::overshoot`] cells. What
//! it costs is that a client may be refused while others hold cells they never use.
//!
//! This is the bookkeeping alone, without time and without the store: the caller
//! tells both.

mod lease;
mod lot;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

pub use lease::Lease;
use lot::Account;
pub use lot::Paid;

use super::Id;
use crate::gcra::{Decision, Gcra, Verdict};

/// Parts of the book, each with a lock of its own.
const SHARDS: usize = 64;

/// The leases of one limit in one process.
pub struct Leases {
    lease: Lease,
    shards: Box<[Mutex<Shard>]>,
    /// Most keys in a part.
    room: usize,
}

type Shard = HashMap<Id, Account, BuildHasherDefault<Hashed>>;

/// What a lease has to say to a request.
#[derive(Debug)]
pub enum Spend {
    /// It passes.
    Allow {
        /// What is left.
        decision: Decision,
        /// How many cells to take ahead, if it is time to: then the caller asks
        /// the store and tells [`Leases::fill`].
        ahead: Option<u32>,
        /// For [`Leases::give_back`].
        paid: Paid,
    },
    /// It does not pass, by what the store said last: cells only come back with time.
    Deny(Decision),
    /// The store has to be asked for so many cells; then [`Leases::fill`], and again.
    Ask(u32),
    /// As many keys hold cells as may: this one has to be decided by the store itself.
    NoRoom,
    /// Somebody asks already; then again.
    Wait(OwnedNotified),
}

impl Leases {
    /// For so many keys at a time; further ones hold no cells.
    pub fn new(lease: Lease, max_keys: usize) -> Self {
        Self {
            lease,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            room: max_keys.div_ceil(SHARDS).max(1),
        }
    }

    /// How cells are leased.
    pub fn lease(&self) -> Lease {
        self.lease
    }

    /// Spends `cost` cells of a key at `now`, in nanoseconds, where `nodes`
    /// processes share the store.
    pub fn spend(&self, id: Id, gcra: Gcra, cost: u32, now: u64, nodes: u32) -> Spend {
        let mut shard = self.shard(id);
        if shard.len() >= self.room && !shard.contains_key(&id) {
            // A key that nobody waits for, without cells and known to have its
            // whole quota, is the same as one never seen.
            shard.retain(|_, account| account.is_live(now));
            if shard.len() >= self.room {
                return Spend::NoRoom;
            }
        }
        let account = shard.entry(id).or_insert_with(|| Account::new(now));
        let most = self.lease.most(gcra, nodes).max(cost);
        if let Some(paid) = account.take(cost, now) {
            return Spend::Allow {
                decision: account.decision(gcra, now),
                ahead: account.ahead(gcra, now, self.lease, most, nodes),
                paid,
            };
        }
        // By what is known of the key the store cannot have the rest.
        let missing = cost.saturating_sub(account.held(now));
        let (said, _) = gcra.decide(account.tat(), now, missing);
        match said.verdict {
            Verdict::NeverFits | Verdict::Deny { .. } => Spend::Deny(said),
            Verdict::Allow => match account.asked() {
                Some(asked) => Spend::Wait(asked.notified_owned()),
                None => Spend::Ask(account.ask(gcra, cost, now, self.lease, most, nodes)),
            },
        }
    }

    /// What the store said to a call that was sent at `sent`: so many cells, and
    /// the key's backlog after them. Wakes those that wait.
    pub fn fill(&self, id: Id, granted: u32, backlog: u64, sent: u64) {
        if let Some(account) = self.shard(id).get_mut(&id) {
            account.fill(granted, backlog, sent, self.lease.ttl_nanos());
        }
    }

    /// The store gave no answer. Wakes those that wait.
    pub fn failed(&self, id: Id) {
        if let Some(account) = self.shard(id).get_mut(&id) {
            account.answered();
        }
    }

    /// Takes cells back of a request that did not pass after all, and says
    /// whether it did. Cells expire when they would have, and no process ever
    /// holds more than before: those spent before the store was asked last are
    /// lost to it.
    pub fn give_back(&self, id: Id, cost: u32, paid: Paid, now: u64) -> bool {
        let mut shard = self.shard(id);
        let account = shard.get_mut(&id);
        account.is_some_and(|account| account.give_back(cost, paid, now))
    }

    /// Spends cells although their time is over, while the store is down: they
    /// were debited, so nobody gets more of them than the lease holds.
    pub fn spend_late(&self, id: Id, cost: u32) -> bool {
        let mut shard = self.shard(id);
        shard
            .get_mut(&id)
            .is_some_and(|account| account.take_late(cost))
    }

    /// Keys with an account.
    pub fn keys(&self) -> usize {
        let len = |shard: &Mutex<Shard>| lock(shard).len();
        self.shards.iter().map(len).sum()
    }

    fn shard(&self, id: Id) -> MutexGuard<'_, Shard> {
        lock(&self.shards[id.words()[0] as usize % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// An [`Id`] is a hash already: its second half stands for it.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Where those wait who need an answer that somebody else has asked for.
type Asked = Arc<Notify>;

#[cfg(test)]
mod tests;
