use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_core::{Criticality, Mode, Permit, Release};

use crate::overload::{Pressure, Reason, Shares, ShedCount, Sheds, room};

/// Requests in flight unless told otherwise.
pub const DEFAULT_MAX: usize = 1_024;

const LEVELS: usize = Criticality::ALL.len();

/// So many permits; clones share them.
///
/// Less critical requests may use a share of them only, so that the rest is
/// always there for the others. Exact: a request takes a permit if and only if
/// fewer than the room of its level are taken, in one atomic step.
///
/// ```
/// use plimsoll_core::Criticality;
/// use plimsoll_ratelimit::{ConcurrencyLimit, overload::Shares};
///
/// let limit = ConcurrencyLimit::default();
/// assert_eq!((limit.in_use(), limit.max()), (0, 1_024));
/// let permit = limit.take();
/// assert_eq!(limit.in_use(), 1);
/// drop(permit);
/// assert_eq!(limit.in_use(), 0);
///
/// let limit = ConcurrencyLimit::new(2);
/// limit.set_shares(Shares::new(0.5, 0.5, 1.0).unwrap());
/// let first = limit.take_for(Criticality::Sheddable);
/// assert!(first.is_some() && limit.take_for(Criticality::Sheddable).is_none());
/// assert!(limit.take_for(Criticality::Critical).is_some());
/// ```
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<State>);

#[derive(Debug)]
struct State {
    in_use: AtomicUsize,
    /// How many may be taken when a request of the level takes one more.
    rooms: [AtomicUsize; LEVELS],
    refused: AtomicU64,
    sheds: Sheds,
    plan: Mutex<Plan>,
}

/// What the rooms are made of.
#[derive(Debug, Clone, Copy)]
struct Plan {
    max: usize,
    shares: Shares,
    pressure: Pressure,
}

impl Plan {
    fn room(&self, level: Criticality) -> usize {
        room(level, self.max, &self.shares, &self.pressure)
    }
}

impl ConcurrencyLimit {
    /// At most `max` requests in flight; with 0 every request is refused.
    pub fn new(max: usize) -> Self {
        let plan = Plan {
            max,
            shares: Shares::default(),
            pressure: Pressure::default(),
        };
        Self(Arc::new(State {
            in_use: AtomicUsize::new(0),
            rooms: Criticality::ALL.map(|level| AtomicUsize::new(plan.room(level))),
            refused: AtomicU64::new(0),
            sheds: Sheds::default(),
            plan: Mutex::new(plan),
        }))
    }

    /// Takes a permit if one is free; otherwise counts the refusal.
    pub fn take(&self) -> Option<Permit> {
        self.take_for(Criticality::CriticalPlus)
    }

    /// Takes a permit if one is free for a request of this level; otherwise
    /// counts the refusal.
    pub fn take_for(&self, level: Criticality) -> Option<Permit> {
        let room = self.room(level);
        let more = |in_use| (in_use < room).then_some(in_use + 1);
        let taken = self
            .0
            .in_use
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        if taken.is_err() {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Permit::new(Arc::clone(&self.0) as _))
    }

    /// Takes a permit even if none is free: for a request that is let pass
    /// although the limit would refuse it.
    pub fn take_beyond(&self) -> Permit {
        self.0.in_use.fetch_add(1, Ordering::AcqRel);
        Permit::new(Arc::clone(&self.0) as _)
    }

    /// Changes the limit; permits already taken stay valid.
    pub fn set_max(&self, max: usize) {
        self.change(|plan| plan.max = max);
    }

    /// Changes what share of the permits each level may use.
    pub fn set_shares(&self, shares: Shares) {
        self.change(|plan| plan.shares = shares);
    }

    /// Lowers the rooms of the lower levels by how hard pressed the process is.
    pub fn press(&self, pressure: Pressure) {
        self.change(|plan| plan.pressure = pressure);
    }

    fn change(&self, change: impl FnOnce(&mut Plan)) {
        // Never held while a request decides: those read the rooms alone.
        let plan = self.0.plan.lock();
        let mut plan = plan.unwrap_or_else(PoisonError::into_inner);
        change(&mut plan);
        for (level, room) in Criticality::ALL.into_iter().zip(&self.0.rooms) {
            room.store(plan.room(level), Ordering::Relaxed);
        }
    }

    fn plan(&self) -> Plan {
        *self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Permits there are.
    pub fn max(&self) -> usize {
        self.plan().max
    }

    /// Permits that are taken.
    pub fn in_use(&self) -> usize {
        self.0.in_use.load(Ordering::Relaxed)
    }

    /// A request of this level passes while fewer permits than this are taken.
    pub fn room(&self, level: Criticality) -> usize {
        self.0.rooms[level as usize].load(Ordering::Relaxed)
    }

    /// How hard pressed the process was found to be last.
    pub fn pressure(&self) -> Pressure {
        self.plan().pressure
    }

    /// How often there was no permit, since start.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Why a request of this level finds no permit now.
    pub(crate) fn why(&self, level: Criticality) -> Reason {
        let plan = self.plan();
        let in_use = self.in_use();
        let calm = room(level, plan.max, &plan.shares, &Pressure::default());
        if in_use >= plan.max {
            Reason::Concurrency
        } else if in_use >= calm {
            Reason::Reserve
        } else {
            plan.pressure.cause().unwrap_or(Reason::Reserve)
        }
    }

    pub(crate) fn count_shed(&self, reason: Reason, level: Criticality, mode: Mode) {
        self.0.sheds.count(reason, level, mode);
    }

    /// What was refused, or would have been, since start; without rows of zero.
    pub fn sheds(&self) -> Vec<ShedCount> {
        self.0.sheds.counts()
    }
}

impl Default for ConcurrencyLimit {
    fn default() -> Self {
        Self::new(DEFAULT_MAX)
    }
}

impl Release for State {
    fn release(&self) {
        self.in_use.fetch_sub(1, Ordering::AcqRel);
    }
}
