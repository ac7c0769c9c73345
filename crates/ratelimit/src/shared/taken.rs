//! What a request took of shared limits, to be given back when it is refused
//! further inside: it got nothing for it.
//!
//! Cells of a lease go back to it, within its bound. What the store counted is
//! credited there by a task of its own, at most [`MOST`] at a time, so that no
//! answer waits for it; what had drained meanwhile is not given a second time,
//! counted from when the store was asked, so that a key may miss the time of one
//! way there. While the store is out of order nothing is credited.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::runtime::Handle;

use super::limiter::Inner;
use crate::limiter::Asked;
use crate::store::{Call, Id, Kind, Paid};

/// Most credits under way.
const MOST: usize = 1_024;

/// What a request took of all limits.
#[derive(Debug, Default)]
pub(super) enum Taken {
    #[default]
    Nothing,
    /// Of an only limit, as most services share.
    OfOne(Took),
    OfSeveral(Vec<Took>),
}

/// What it took of one.
#[derive(Debug)]
pub(super) enum Took {
    /// Cells that this process holds.
    Cells {
        at: usize,
        id: Id,
        cost: u32,
        paid: Paid,
    },
    /// The store's; with the key's TAT after it, in our time.
    Stored(Box<(Asked, u64)>),
    /// Those of this process's share, which it also owes to the store.
    Share(Box<Asked>),
    /// Nobody's yet: it owes them to the store.
    Debt(Box<Asked>),
}

/// What became of cells of requests that did not pass after all, here or further
/// inside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refunds {
    /// Cells that were given back.
    pub given: u64,
    /// Cells that were not: their lease had ended or was renewed, the store gave
    /// no answer or as many credits as may were under way.
    pub lost: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    under_way: AtomicUsize,
    given: AtomicU64,
    lost: AtomicU64,
}

impl Taken {
    pub(super) fn push(&mut self, took: Took) {
        *self = match std::mem::take(self) {
            Self::Nothing => Self::OfOne(took),
            Self::OfOne(first) => Self::OfSeveral(vec![first, took]),
            Self::OfSeveral(mut all) => {
                all.push(took);
                Self::OfSeveral(all)
            }
        };
    }

    pub(super) fn give_back(self, limits: &Arc<Inner>) {
        match self {
            Self::Nothing => {}
            Self::OfOne(took) => took.give_back(limits),
            Self::OfSeveral(all) => all.into_iter().for_each(|took| took.give_back(limits)),
        }
    }
}

impl Took {
    pub(super) fn give_back(self, limits: &Arc<Inner>) {
        let now = limits.clock.now();
        match self {
            Self::Cells { at, id, cost, paid } => {
                let leases = limits.policies[at].leases.as_ref();
                let kept = leases.is_some_and(|leases| leases.give_back(id, cost, paid, now));
                limits.refunds.count(cost, kept);
            }
            Self::Stored(stored) => {
                let (asked, tat) = *stored;
                let nanos = asked.gcra.interval().saturating_mul(asked.cost.into());
                // The rest came back by itself.
                let nanos = nanos.min(tat.saturating_sub(now));
                if nanos > 0 {
                    credit(limits, asked, nanos);
                }
            }
            Self::Share(asked) => {
                limits.limiter.refund_share(&asked, limits.share(&asked));
                Self::Debt(asked).give_back(limits);
            }
            Self::Debt(asked) => {
                let want = asked.want();
                let forgiven = want.is_some_and(|want| limits.debts.take_back(&want));
                limits.refunds.count(asked.cost, forgiven);
            }
        }
    }
}

/// Has the store take nanoseconds of a key's limit back.
fn credit(limits: &Arc<Inner>, asked: Asked, nanos: u64) {
    let (Some(want), Ok(runtime)) = (asked.want(), Handle::try_current()) else {
        return limits.refunds.count(asked.cost, false);
    };
    let Some(under_way) = UnderWay::begin(limits, asked.cost) else {
        return limits.refunds.count(asked.cost, false);
    };
    runtime.spawn(async move {
        let call = Call {
            kind: Kind::Credit(nanos),
            wants: vec![want],
        };
        let limits = Arc::clone(&under_way.limits);
        if limits.store.call(call).await.is_ok() {
            limits.known.forget((asked.id, asked.at));
            under_way.done();
        }
    });
}

/// A credit under way; lost if it is dropped before it is done.
struct UnderWay {
    limits: Arc<Inner>,
    cost: u32,
    kept: bool,
}

impl UnderWay {
    /// `None` when the store is out of order or there are too many.
    fn begin(limits: &Arc<Inner>, cost: u32) -> Option<Self> {
        let count = &limits.refunds.under_way;
        if !limits.store.is_up() || count.load(Ordering::Relaxed) >= MOST {
            return None;
        }
        count.fetch_add(1, Ordering::Relaxed);
        Some(Self {
            limits: Arc::clone(limits),
            cost,
            kept: false,
        })
    }

    fn done(mut self) {
        self.kept = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let refunds = &self.limits.refunds;
        refunds.under_way.fetch_sub(1, Ordering::Relaxed);
        refunds.count(self.cost, self.kept);
    }
}

impl Counts {
    fn count(&self, cells: u32, given: bool) {
        let count = if given { &self.given } else { &self.lost };
        count.fetch_add(cells.into(), Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Refunds {
        Refunds {
            given: self.given.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}
