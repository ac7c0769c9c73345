//! Cells of hot keys, taken in advance for each core.
//!
//! Two cores that write one word wait for each other's cache line. When a
//! compare-and-swap fails on a key whose burst is at least 64 cells a core, the
//! thread's lane takes a purse of cells at once and spends them from a cache
//! line of its own. A purse holds at most 1/16 of the burst divided by the
//! lanes, and 256 cells; it is only filled while the key keeps a quarter of its
//! burst, so that a key near its limit is decided by its own word; it holds for
//! 10 ms, and what is left then is given back.
//!
//! The cells of a purse are debited before they are spent, but may be spent
//! later: in any stretch of time W at most B + ⌊W/T⌋ + min(B/16, 256 × lanes)
//! cells of such a key pass ([`super::Local::ahead`]). Before its word refuses a
//! request, the purses of all lanes are called in, but for one at which somebody
//! is at that moment.

use std::cell::Cell;

use crate::gcra::{Decision, Gcra};
use crate::store::Id;
use crate::sync::{AtomicU64, Mutex, Ordering};

use super::slot::Ask;

/// Cells a core from which on a burst is wide enough.
const WIDE: u32 = 64;
/// The part of a burst that may be in purses.
const SHARE: u32 = 16;
/// Most cells of a purse.
const FULL: u32 = 256;
/// Nanoseconds that a purse holds.
const HOLDS: u64 = 10_000_000;
/// Purses of a lane.
const PURSES: usize = 8;
/// Most lanes.
const MAX_LANES: usize = 64;

pub(super) struct Lanes {
    lanes: Box<[Lane]>,
    /// Of all lanes: one look tells that there are none. It changes some hundred
    /// times a second at most for a key.
    purses: AtomicU64,
}

/// On cache lines of its own.
#[repr(C, align(128))]
struct Lane {
    /// Half of the identity of each purse's key, a cache line: who has no purse
    /// takes no lock.
    held: [AtomicU64; PURSES],
    purses: Mutex<[Option<Purse>; PURSES]>,
}

#[derive(Clone, Copy)]
struct Purse {
    id: Id,
    gcra: Gcra,
    cells: u32,
    /// The key's TAT when the purse was filled, for what is said to be left.
    tat: u64,
    until: u64,
}

/// What a lane says of a request.
pub(super) enum Paid {
    /// It passes, out of the purse.
    Passes(Decision),
    /// There is no purse.
    None,
    /// The purse is too empty for it; there may be another.
    Spent,
    /// The purse is no longer valid; so many cells are to be given back.
    Over(u32),
}

impl Lanes {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let lane = || Lane {
            held: std::array::from_fn(|_| AtomicU64::new(0)),
            purses: Mutex::new([None; PURSES]),
        };
        let count = cores.next_power_of_two().min(MAX_LANES);
        Self {
            lanes: (0..count).map(|_| lane()).collect(),
            purses: AtomicU64::new(0),
        }
    }

    /// Whether any key has a purse in any lane.
    #[inline]
    pub(super) fn have_purses(&self) -> bool {
        self.purses.load(Ordering::Relaxed) > 0
    }

    /// Whether keys of this quota may have purses.
    #[inline]
    pub(super) fn suit(&self, gcra: Gcra) -> bool {
        gcra.burst() >= WIDE * self.lanes.len() as u32
    }

    /// Cells of a full purse.
    pub(super) fn purse(&self, gcra: Gcra) -> u32 {
        (gcra.burst() / (SHARE * self.lanes.len() as u32)).min(FULL)
    }

    /// Cells that all purses of a key may hold.
    pub(super) fn ahead(&self, gcra: Gcra) -> u32 {
        if !self.suit(gcra) {
            return 0;
        }
        self.purse(gcra) * self.lanes.len() as u32
    }

    /// Pays out of this thread's purse.
    #[inline]
    pub(super) fn pay(&self, id: Id, ask: &Ask<'_>) -> Paid {
        let lane = self.own();
        if !lane.may_hold(id) {
            return Paid::None;
        }
        // Somebody of the same lane is at it: the key's own word serves as well.
        let Ok(mut purses) = lane.purses.try_lock() else {
            return Paid::None;
        };
        let place = &mut purses[place(id)];
        let Some(purse) = place.as_mut().filter(|purse| purse.id == id) else {
            return Paid::None;
        };
        if ask.now >= purse.until || purse.gcra != ask.gcra {
            let left = purse.left(ask);
            *place = None;
            lane.held[self::place(id)].store(0, Ordering::Relaxed);
            self.purses.fetch_sub(1, Ordering::Relaxed);
            return Paid::Over(left);
        }
        let Some(left) = purse.cells.checked_sub(ask.cost) else {
            return Paid::Spent;
        };
        purse.cells = left;
        Paid::Passes(purse.gcra.decide(purse.tat, ask.now, 0).0)
    }

    /// Whether this thread's lane could take a purse of this key. Somebody may be
    /// faster; then [`Lanes::put`] gives the cells back.
    pub(super) fn have_room(&self, id: Id, ask: &Ask<'_>) -> bool {
        let Ok(purses) = self.own().purses.try_lock() else {
            return false;
        };
        let others = |old: &Purse| old.id != id || old.gcra != ask.gcra;
        !purses[place(id)].is_some_and(|old| others(&old) && old.until > ask.now)
    }

    /// Puts cells that were taken into this thread's purse; gives back those for
    /// which there is no room.
    pub(super) fn put(&self, id: Id, ask: &Ask<'_>, cells: u32, slack: u64) -> u32 {
        let lane = self.own();
        let Ok(mut purses) = lane.purses.try_lock() else {
            return cells;
        };
        let place = &mut purses[place(id)];
        let left = match place {
            Some(old) if old.id == id && old.gcra == ask.gcra => old.cells,
            Some(old) if old.until > ask.now => return cells,
            Some(_) => 0,
            None => {
                self.purses.fetch_add(1, Ordering::Relaxed);
                0
            }
        };
        let all = cells + left;
        let kept = all.min(self.purse(ask.gcra));
        *place = Some(Purse {
            id,
            gcra: ask.gcra,
            cells: kept,
            tat: ask.now + (ask.gcra.limit() - slack),
            until: ask.now.saturating_add(HOLDS),
        });
        lane.held[self::place(id)].store(id.words()[0], Ordering::Relaxed);
        all - kept
    }

    /// Calls in the purses of a key: the cells that are to be given back.
    pub(super) fn recall(&self, id: Id, ask: &Ask<'_>) -> u32 {
        let purses = self.lanes.iter().filter_map(|lane| lane.recall(id));
        let left = purses.map(|purse| {
            self.purses.fetch_sub(1, Ordering::Relaxed);
            purse.left(ask)
        });
        left.sum()
    }

    #[inline]
    fn own(&self) -> &Lane {
        &self.lanes[lane() & (self.lanes.len() - 1)]
    }
}

impl Lane {
    fn recall(&self, id: Id) -> Option<Purse> {
        if !self.may_hold(id) {
            return None;
        }
        // Nobody waits here for a thread that may not be running.
        let mut purses = self.purses.try_lock().ok()?;
        let purse = purses[place(id)].take_if(|purse| purse.id == id)?;
        self.held[place(id)].store(0, Ordering::Relaxed);
        Some(purse)
    }

    /// Whether it is worth a lock to see.
    #[inline]
    fn may_hold(&self, id: Id) -> bool {
        self.held[place(id)].load(Ordering::Relaxed) == id.words()[0]
    }
}

impl Purse {
    /// The cells that did not come back by themselves since they were taken; none
    /// of another quota, whose nanoseconds they are.
    fn left(&self, ask: &Ask<'_>) -> u32 {
        if self.gcra != ask.gcra {
            return 0;
        }
        let ahead = self.tat.saturating_sub(ask.now) / self.gcra.interval().max(1);
        self.cells.min(u32::try_from(ahead).unwrap_or(u32::MAX))
    }
}

#[inline]
fn place(id: Id) -> usize {
    id.words()[0] as usize % PURSES
}

/// This thread's number: threads take turns.
#[inline]
fn lane() -> usize {
    const NONE: usize = usize::MAX;
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(NONE) };
    }
    OWN.try_with(|own| {
        if own.get() == NONE {
            own.set(NEXT.fetch_add(1, Ordering::Relaxed) % NONE);
        }
        own.get()
    })
    .unwrap_or(0)
}
