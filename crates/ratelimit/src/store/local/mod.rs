//! Keys of one process, in a table that never grows and is never swept.
//!
//! A key whose TAT has passed is the same as one never seen, so its slot is
//! free without anybody sweeping. A key that has a slot is decided without a
//! lock, by one compare-and-swap (a denial writes nothing). A key that has none
//! goes to its *desk*, a short lock that it shares with a part of all keys, so
//! that no key gets two slots; it looks at sixteen slots and takes a free one.
//! When all sixteen hold keys that are still being counted, it is counted under
//! the desk's own cell for its quota, together with others in the same plight. A
//! flood of keys thus can't evict an active one, can't open the limit and can't
//! take memory; it only coarsens the counting of new keys. A key that was counted
//! under a shared cell and gets a slot later starts afresh there, so such a key
//! may see up to twice its quota in a stretch that spans both; all keys of a
//! desk with one quota together get no more than it through the shared cell.
//!
//! Threads that meet at one key with a wide burst take some of its cells in
//! advance, each to a cache line of its own: see `lanes.rs`.
//!
//! A slot is 24 bytes and the table has 21 for every 16 keys: 31.5 bytes a key,
//! whatever the key's length. Desks take another 128 bytes for every thousand
//! slots, 8 KiB at most: 32 bytes a key in all.

mod crowd;
mod lanes;
mod slot;

use std::fmt;

use plimsoll_core::Clock;

use super::{Id, Identity};
use crate::gcra::{Decision, Gcra};
use crate::sync::{AtomicU64, Mutex, Ordering, PLACE, PoisonError};
use crowd::Crowd;
use lanes::{Lanes, Paid};
use slot::{Ask, Decided, Slot};

/// Most desks.
const MAX_DESKS: usize = 64;
/// Fewest slots worth a desk of their own.
const MIN_DESK: usize = 1_024;
/// How often a key looks for a slot before it shares one: again only when
/// another key took the free one, or its owner came back, in the meantime.
const ROUNDS: usize = 3;

/// The table; see the [module](super).
///
/// ```
/// use plimsoll_core::Clock;
/// use plimsoll_ratelimit::Quota;
/// use plimsoll_ratelimit::store::Local;
///
/// let (clock, hand) = Clock::manual();
/// let store = Local::new(100_000, clock.clone());
/// let gcra = Quota::per_second(10).burst(2).check()?;
/// let id = store.identity().bytes(b"client");
///
/// assert_eq!(store.decide(id, gcra, 2, clock.now()).remaining, 0);
/// assert!(!store.decide(id, gcra, 1, clock.now()).allows());
/// store.refund(id, gcra, 1, clock.now());
/// assert!(store.peek(id, gcra, 1, clock.now()).allows());
/// # let _ = hand;
/// # Ok::<(), plimsoll_ratelimit::QuotaError>(())
/// ```
pub struct Local {
    places: Box<[Place]>,
    desks: Box<[Desk]>,
    lanes: Lanes,
    identity: Identity,
    clock: Clock,
    /// Whether cells have been shared: 1 once they were, 2 once somebody was told.
    shared: AtomicU64,
}

/// Slots that lie side by side; a key may stand in two places.
#[repr(align(64))]
struct Place([Slot; PLACE]);

/// Where keys without a slot are served; on cache lines of its own.
#[repr(align(128))]
struct Desk {
    claims: Mutex<()>,
    crowd: Crowd,
    coarsened: AtomicU64,
}

impl Local {
    /// A table with room for this many keys at a time (at least twelve), in 32
    /// bytes each, taken at once. The clock is asked again when a caller's own
    /// reading has grown too old.
    pub fn new(max_keys: usize, clock: Clock) -> Self {
        let slots = max_keys.saturating_add(max_keys / 16 * 5);
        Self::with(slots.div_ceil(PLACE).max(2), Identity::random(), clock)
    }

    /// With so many places.
    pub(crate) fn with(places: usize, identity: Identity, clock: Clock) -> Self {
        let desks = (places * PLACE / MIN_DESK).clamp(1, MAX_DESKS);
        let place = || Place(std::array::from_fn(|_| Slot::new()));
        let desk = || Desk {
            claims: Mutex::new(()),
            crowd: Crowd::new(),
            coarsened: AtomicU64::new(0),
        };
        Self {
            places: (0..places).map(|_| place()).collect(),
            desks: (0..desks).map(|_| desk()).collect(),
            lanes: Lanes::new(),
            identity,
            clock,
            shared: AtomicU64::new(0),
        }
    }

    /// What finds the identities of this table's keys.
    #[inline]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Decides a request of `cost` cells, which it takes if allowed. `now` is a
    /// reading of the table's clock.
    #[inline]
    pub fn decide(&self, id: Id, gcra: Gcra, cost: u32, now: u64) -> Decision {
        self.ask(id, gcra, cost, now, true)
    }

    /// The same decision, but nothing is taken. A TAT that a lowered quota left
    /// too far ahead is brought back, so that the wait it names holds.
    #[inline]
    pub fn peek(&self, id: Id, gcra: Gcra, cost: u32, now: u64) -> Decision {
        self.ask(id, gcra, cost, now, false)
    }

    /// Gives back `cells` that were taken and not used, at most what is still
    /// missing from the burst. A key without a slot of its own gets nothing back.
    pub fn refund(&self, id: Id, gcra: Gcra, cells: u32, now: u64) {
        let nanos = gcra.interval().saturating_mul(cells.into());
        self.give_back(id, nanos, now);
    }

    /// The same by nanoseconds of the key's limit.
    pub(crate) fn give_back(&self, id: Id, nanos: u64, now: u64) {
        let refunded = |slot: &&Slot| slot.seems(id) && slot.refund(id, nanos, now);
        let _ = self.slots(id).iter().copied().find(refunded);
    }

    /// Cells of one key that may be passed in a stretch of time beyond
    /// burst + ⌊W / T⌋, because lanes took them before it began. 0 for a burst
    /// of less than 64 cells a core.
    pub fn ahead(&self, gcra: Gcra) -> u32 {
        self.lanes.ahead(gcra)
    }

    /// How many decisions were made on a shared cell for want of a slot.
    pub fn coarsened(&self) -> u64 {
        let count = |desk: &Desk| desk.coarsened.load(Ordering::Relaxed);
        self.desks.iter().map(count).sum()
    }

    /// Whether keys shared a cell for the first time and nobody was told yet.
    #[inline]
    pub(crate) fn is_newly_coarse(&self) -> bool {
        self.shared.load(Ordering::Relaxed) == 1 && self.shared.swap(2, Ordering::Relaxed) == 1
    }

    /// Keys that are being counted at `now`. Looks at every slot: for tests and reports.
    pub fn active(&self, now: u64) -> usize {
        let slots = self.places.iter().flat_map(|place| &place.0);
        slots.filter(|slot| slot.tat() > now).count()
    }

    /// How many slots there are.
    pub fn slots_in_all(&self) -> usize {
        self.places.len() * PLACE
    }

    /// The slots where a key may stand, those of its first place first, and in
    /// each from the one that is likeliest.
    fn slots(&self, id: Id) -> [&Slot; 2 * PLACE] {
        let places = id.words().map(|half| self.place(half));
        std::array::from_fn(|at| places[at / PLACE].at(id, at))
    }

    #[inline]
    fn place(&self, half: u64) -> &Place {
        &self.places[part(half, self.places.len())]
    }

    fn desk(&self, id: Id) -> &Desk {
        &self.desks[part(id.words()[0], self.desks.len())]
    }

    #[inline]
    fn ask(&self, id: Id, gcra: Gcra, cost: u32, now: u64, take: bool) -> Decision {
        let ask = Ask {
            gcra,
            cost,
            now,
            take,
            clock: &self.clock,
        };
        if self.lanes.have_purses() {
            return self.ask_in_lane(id, ask);
        }
        match self.ask_at_once(id, &ask) {
            Ok(decision) => decision,
            Err(slot) => self.ask_and_fill(id, ask, slot),
        }
    }

    /// Decides by the key's own word, unless that takes more than one attempt:
    /// else gives the slot that seems to be the key's, and whether somebody else
    /// was at it.
    #[inline]
    fn ask_at_once(&self, id: Id, ask: &Ask<'_>) -> Result<Decision, Option<(&Slot, bool)>> {
        for half in id.words() {
            let place = self.place(half);
            for step in 0..PLACE {
                let slot = place.at(id, step);
                if slot.seems(id) {
                    let decided = slot.decide_at_once(id, ask);
                    return decided.map_err(|contended| Some((slot, contended)));
                }
            }
        }
        Err(None)
    }

    /// Decides by the key's own word, which took more than one attempt or is not
    /// there.
    fn ask_in_turn(&self, id: Id, ask: &Ask<'_>, slot: Option<(&Slot, bool)>) -> Decided {
        let own = slot.and_then(|(slot, contended)| slot.decide_in_turn(id, ask, contended));
        own.unwrap_or_else(|| self.ask_at_desk(id, ask))
    }

    fn ask_word(&self, id: Id, ask: &Ask<'_>) -> Decided {
        match self.ask_at_once(id, ask) {
            Ok(decision) => Decided {
                decision,
                contended: false,
            },
            Err(slot) => self.ask_in_turn(id, ask, slot),
        }
    }

    #[cold]
    #[inline(never)]
    fn ask_and_fill(&self, id: Id, ask: Ask<'_>, slot: Option<(&Slot, bool)>) -> Decision {
        let decided = self.ask_in_turn(id, &ask, slot);
        if decided.contended {
            self.fill(id, ask, decided.decision);
        }
        decided.decision
    }

    /// While there are purses.
    #[inline(never)]
    fn ask_in_lane(&self, id: Id, ask: Ask<'_>) -> Decision {
        let paid = if ask.take {
            self.lanes.pay(id, &ask)
        } else {
            Paid::None
        };
        let spent = match paid {
            Paid::Passes(decision) => return decision,
            Paid::None => false,
            Paid::Spent => true,
            Paid::Over(left) => {
                self.refund(id, ask.gcra, left, ask.now);
                false
            }
        };
        let Decided {
            decision,
            contended,
        } = self.ask_word(id, &ask);
        if !decision.allows() && self.lanes.suit(ask.gcra) {
            return self.ask_after_recall(id, &ask).unwrap_or(decision);
        }
        if spent || contended {
            self.fill(id, ask, decision);
        }
        decision
    }

    /// The word refused, but may not have to: it is asked again if lanes have
    /// cells of the key to give back.
    #[cold]
    #[inline(never)]
    fn ask_after_recall(&self, id: Id, ask: &Ask<'_>) -> Option<Decision> {
        let left = self.lanes.recall(id, ask);
        if left == 0 {
            return None;
        }
        self.refund(id, ask.gcra, left, ask.now);
        Some(self.ask_word(id, ask).decision)
    }

    /// After a decision: takes a purse of cells where it is worth it, if the key
    /// has a quarter of its burst left then.
    #[cold]
    #[inline(never)]
    fn fill(&self, id: Id, ask: Ask<'_>, decision: Decision) {
        let cost = self.lanes.purse(ask.gcra);
        let worth = self.lanes.suit(ask.gcra) && ask.cost <= cost / 2;
        if !(worth && ask.take && decision.allows() && self.lanes.have_room(id, &ask)) {
            return;
        }
        let purse = Ask { cost, ..ask };
        let most = ask.gcra.burst() / 4;
        let Decided { decision, .. } = self.ask_word(id, &purse);
        if !decision.allows() {
            return;
        }
        let back = if decision.remaining < most {
            cost
        } else {
            self.lanes.put(id, &ask, cost, decision.slack)
        };
        if back > 0 {
            self.refund(id, ask.gcra, back, ask.now);
        }
    }

    /// For a key that seems to have no slot.
    #[cold]
    #[inline(never)]
    fn ask_at_desk(&self, id: Id, ask: &Ask<'_>) -> Decided {
        let desk = self.desk(id);
        let _claims = desk.claims.lock().unwrap_or_else(PoisonError::into_inner);
        // Who takes a slot over must not decide in the past of who lost it.
        let now = self.clock.now().max(ask.now);
        let ask = Ask { now, ..*ask };
        let slots = self.slots(id);
        for _ in 0..ROUNDS {
            let mut own = slots.iter().filter(|slot| slot.seems(id));
            if let Some(decided) = own.find_map(|slot| slot.decide(id, &ask)) {
                return decided;
            }
            let Some((slot, seen)) = free(&slots, ask.now) else {
                break;
            };
            let (decision, tat) = ask.decide(0);
            let takes = ask.take && ask.cost > 0 && decision.allows();
            if !takes || slot.claim(seen, id, tat) {
                return Decided {
                    decision,
                    contended: false,
                };
            }
        }
        desk.coarsened.fetch_add(1, Ordering::Relaxed);
        if self.shared.load(Ordering::Relaxed) == 0 {
            let (done, failed) = (Ordering::Relaxed, Ordering::Relaxed);
            let _ = self.shared.compare_exchange(0, 1, done, failed);
        }
        Decided {
            decision: desk.crowd.decide(&ask),
            contended: false,
        }
    }
}

impl Place {
    /// The slot so many steps from where the key would like to stand.
    #[inline]
    fn at(&self, id: Id, step: usize) -> &Slot {
        &self.0[(id.words()[1] as usize).wrapping_add(step) % PLACE]
    }
}

/// A free slot and its word: one that nobody ever had, else the one that has
/// been free for longest, so that keys which pause keep theirs while they can.
fn free<'a>(slots: &[&'a Slot; 2 * PLACE], now: u64) -> Option<(&'a Slot, u64)> {
    let words = slots.map(|slot| slot.free(now));
    let at = roomier(&words, |word| word == 0).or_else(|| roomier(&words, |_| true))?;
    Some((slots[at], words[at]?))
}

/// Where the least of the words of a kind stands: in the first place while that
/// has a few of them, else in the one that has more.
fn roomier(words: &[Option<u64>; 2 * PLACE], kind: impl Fn(u64) -> bool) -> Option<usize> {
    let [one, two] = [0, PLACE].map(|start| {
        let place = start..start + PLACE;
        place.filter_map(|at| Some((words[at].filter(|&word| kind(word))?, at)))
    });
    let (few, most) = (one.clone().count(), two.clone().count());
    let mut place = if few > PLACE / 4 || few >= most {
        one
    } else {
        two
    };
    let first = place.next()?;
    Some(
        place
            .fold(
                first,
                |least, next| if next.0 < least.0 { next } else { least },
            )
            .1,
    )
}

/// Which of `parts` equal parts of all hashes this one lies in.
#[inline]
fn part(hash: u64, parts: usize) -> usize {
    ((u128::from(hash) * parts as u128) >> 64) as usize
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("slots", &self.slots_in_all())
            .finish_non_exhaustive()
    }
}

/// Fills this thread's purse, as contention would.
#[cfg(test)]
#[allow(dead_code, reason = "the model fills none")]
pub(super) fn fill(store: &Local, id: Id, gcra: Gcra, now: u64) {
    let ask = Ask {
        gcra,
        cost: 1,
        now,
        take: true,
        clock: &store.clock,
    };
    store.fill(id, ask, gcra.decide(0, now, 1).0);
}

/// How many slots this thread has looked at.
#[cfg(test)]
#[allow(dead_code, reason = "the model looks at none")]
pub(super) fn looked_at() -> usize {
    slot::LOOKED.get()
}
