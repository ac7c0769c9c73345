//! Limits whose state is in a store that several processes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plimsoll_core::Clock;
use plimsoll_core::peer::Trust;

use super::counts::{Counts, Source, SourceStat};
use super::debts::Debts;
use super::known::Known;
use super::outage::Outage;
use super::taken::{self, Refunds};
use crate::answers::Answers;
use crate::gcra::Gcra;
use crate::limit::{Limit, LimitError};
use crate::limiter::{Asked, Limiter};
use crate::store::{Leases, Store, StoreStats};

/// Shared limits and their store; clones share both. See the [module](super).
#[derive(Debug, Clone)]
pub struct SharedLimiter(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    /// Finds keys, counts and answers; its own store keeps the local shares.
    pub(super) limiter: Limiter,
    pub(super) clock: Clock,
    pub(super) store: Arc<dyn Store>,
    /// In the order of the limiter's.
    pub(super) policies: Vec<Shared>,
    pub(super) known: Known,
    pub(super) debts: Debts,
    pub(super) refunds: taken::Counts,
    warned: AtomicBool,
}

/// How one limit is shared.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: &'static str,
    most_cost: u32,
    pub(super) outage: Outage,
    pub(super) leases: Option<Leases>,
    pub(super) counts: Counts,
}

/// By how much a policy may be overshot, as things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Name of the limit.
    pub policy: &'static str,
    /// Cells over `burst + ⌊W / T⌋` that all processes may admit in any stretch
    /// of time W while the store is in order; 0 for a limit without leases.
    pub cells: u64,
}

impl SharedLimiter {
    /// Checks the limits. Processes that give the same limits to the same store
    /// share them.
    ///
    /// # Errors
    /// As [`Limiter::new`], and when a lease or an outage policy cannot be kept.
    pub fn new(
        limits: impl IntoIterator<Item = Limit>,
        store: impl Store + 'static,
        clock: Clock,
        trust: Trust,
    ) -> Result<Self, LimitError> {
        let store = Arc::new(store);
        Self::with(limits, store, clock, trust, Answers::exact(), "")
    }

    /// As [`SharedLimiter::new`], and says how it answers, and by which secret
    /// the store's keys are made of clients: the same in all processes.
    ///
    /// # Errors
    /// As [`SharedLimiter::new`].
    pub fn with(
        limits: impl IntoIterator<Item = Limit>,
        store: Arc<dyn Store>,
        clock: Clock,
        trust: Trust,
        answers: Answers,
        secret: &str,
    ) -> Result<Self, LimitError> {
        let limits: Vec<_> = limits.into_iter().collect();
        let sharing: Vec<_> = limits
            .iter()
            .map(|limit| (limit.sharing, limit.max_keys, limit.cost.known().max()))
            .collect();
        let limiter = Limiter::of_fleet(limits, clock.clone(), trust, answers, secret)?;
        let mut policies = Vec::new();
        for ((name, _), (sharing, max_keys, most)) in limiter.policies().zip(sharing) {
            let sharing = sharing.unwrap_or_default();
            let bad = |problem| {
                Err(LimitError::Sharing {
                    name: name.into(),
                    problem,
                })
            };
            if sharing.lease.is_some_and(|lease| !lease.is_good()) {
                return bad("a lease lasts from 1 ns to an hour and holds at least 1 cell");
            }
            if sharing.outage == Outage::LastLease && sharing.lease.is_none() {
                return bad("`Outage::LastLease` needs `.leased(..)`");
            }
            policies.push(Shared {
                name,
                most_cost: most.unwrap_or(1),
                outage: sharing.outage,
                leases: sharing.lease.map(|lease| Leases::new(lease, max_keys)),
                counts: Counts::default(),
            });
        }
        Ok(Self(Arc::new(Inner {
            limiter,
            clock,
            store,
            policies,
            known: Known::new(),
            debts: Debts::default(),
            refunds: taken::Counts::default(),
            warned: AtomicBool::new(false),
        })))
    }

    /// The limits themselves: what they decided, their fields and findings.
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// Who decided, of every policy with every source, zeros included.
    pub fn sources(&self) -> Vec<SourceStat> {
        let rows = |shared: &Shared| {
            Source::ALL.map(|source| SourceStat {
                policy: shared.name,
                source,
                count: shared.counts.of(source),
            })
        };
        self.0.policies.iter().flat_map(rows).collect()
    }

    /// By how much each policy may be overshot while the store is in order.
    pub fn bounds(&self) -> Vec<Bound> {
        let nodes = self.0.store.nodes();
        let bound = |(shared, (_, gcra)): (&Shared, (_, Gcra))| Bound {
            policy: shared.name,
            cells: shared.leases.as_ref().map_or(0, |leases| {
                let lease = leases.lease();
                let whole = u64::from(nodes) * u64::from(shared.most_cost);
                lease
                    .overshoot(gcra, nodes)
                    .max(whole.min(lease.by_time(gcra)))
            }),
        };
        let rates = self.0.limiter.policies();
        self.0.policies.iter().zip(rates).map(bound).collect()
    }

    /// Whether the store is in order as far as anybody knows.
    pub fn is_up(&self) -> bool {
        self.0.store.is_up()
    }

    /// Why there is a warning, if there is one: for health, which it never fails.
    pub fn trouble(&self) -> Option<String> {
        if self.is_up() {
            return None;
        }
        let of = |shared: &Shared| format!("{} is {}", shared.name, shared.outage.as_str());
        let policies: Vec<_> = self.0.policies.iter().map(of).collect();
        Some(format!(
            "the store of shared limits is out of order: {}",
            policies.join(", ")
        ))
    }

    /// What the store did for this process.
    pub fn store_stats(&self) -> StoreStats {
        self.0.store.stats()
    }

    /// How many processes share the store.
    pub fn nodes(&self) -> u32 {
        self.0.store.nodes()
    }

    /// Keys that owe cells admitted while the store was down, and cells that
    /// will not be debited for want of room.
    pub fn debts(&self) -> (usize, u64) {
        (self.0.debts.keys(), self.0.debts.forgiven())
    }

    /// What became of cells of requests that did not pass after all.
    pub fn refunds(&self) -> Refunds {
        self.0.refunds.read()
    }
}

impl Inner {
    /// The part of a quota that this process keeps by itself.
    pub(super) fn share(&self, asked: &Asked) -> Gcra {
        let nodes = self.store.nodes().max(1);
        let burst = (asked.gcra.burst() / nodes).max(1);
        let interval = asked.gcra.interval().saturating_mul(nodes.into());
        Gcra::new(interval, burst)
    }

    /// Says once that no runtime is there to ask from.
    pub(super) fn warn_of_runtime(&self) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("shared limits need a Tokio runtime; their outage policies hold");
        }
    }
}
