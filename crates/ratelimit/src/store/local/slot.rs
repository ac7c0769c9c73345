//! One key's slot: two words that say whose it is, and the one that decides.
//!
//! The deciding word holds the TAT (59 bits of nanoseconds, which last for 18
//! years of the clock) above a tag of five bits. Everybody decides by a
//! compare-and-swap of that word from a value that was read *before* the
//! identity was seen to match. A slot changes hands only through the state
//! CLAIMED and with the next tag, so a swap that succeeds proves that the slot
//! was the key's own at that instant; a debit raises the TAT and whatever lowers
//! it takes the next tag as well. A word could therefore stand again as it was
//! read only after 32 changes of hands or lowerings of one slot, between two
//! neighbouring instructions of another thread, that end at the very
//! nanosecond; the harm would be one request's cells on another key.

use plimsoll_core::Clock;

use crate::gcra::{Decision, Gcra, Verdict};
use crate::store::Id;
use crate::sync::{AtomicU64, Ordering, fence};

const TAG_BITS: u32 = 5;
const TAG: u64 = (1 << TAG_BITS) - 1;
/// In the TAT's place while a slot changes hands; later than any time.
const CLAIMED: u64 = u64::MAX >> TAG_BITS;
const LATEST: u64 = CLAIMED - 1;

/// See the module.
pub(super) struct Slot {
    word: AtomicU64,
    id: [AtomicU64; 2],
}

/// What is asked of a key's word.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) gcra: Gcra,
    pub(super) cost: u32,
    pub(super) now: u64,
    /// Whether an allowed request takes its cells.
    pub(super) take: bool,
    pub(super) clock: &'a Clock,
}

/// What came of it.
pub(super) struct Decided {
    pub(super) decision: Decision,
    /// Whether another thread was faster at least once.
    pub(super) contended: bool,
}

impl Ask<'_> {
    /// Decides by a TAT that was just read, and gives the TAT to keep.
    #[inline]
    pub(super) fn decide(&self, tat: u64) -> (Decision, u64) {
        let decided = self.gcra.decide(tat, self.now, self.cost);
        if decided.1 >= tat {
            return decided;
        }
        // Further ahead of `now` than the quota ever puts it: either `now` is
        // older than another's reading, or the quota was lowered. A reading
        // that follows the TAT's tells; only the latter may lower the TAT.
        let now = self.clock.now().max(self.now);
        self.gcra.decide(tat, now, self.cost)
    }
}

const fn tat(word: u64) -> u64 {
    word >> TAG_BITS
}

/// A word with another TAT; a lower one takes the next tag.
const fn moved_to(word: u64, to: u64) -> u64 {
    let to = if to < LATEST { to } else { LATEST };
    let tag = if to < tat(word) {
        word.wrapping_add(1)
    } else {
        word
    };
    to << TAG_BITS | tag & TAG
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            id: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Whether the slot seems to be the key's; [`Slot::decide`] makes sure.
    #[inline]
    pub(super) fn seems(&self, id: Id) -> bool {
        #[cfg(test)]
        looked();
        self.id[0].load(Ordering::Relaxed) == id.words()[0]
    }

    /// To be asked after the word was read with `Acquire`: whoever publishes a
    /// word wrote the identity before.
    #[inline]
    fn bears(&self, id: Id) -> bool {
        let words = id.words();
        self.id[0].load(Ordering::Relaxed) == words[0]
            && self.id[1].load(Ordering::Relaxed) == words[1]
    }

    fn is_of(&self, id: Id, word: u64) -> bool {
        self.bears(id) && tat(word) != CLAIMED
    }

    /// Nearly every decision: the slot is the key's own, the reading of the clock
    /// is no older than the TAT, and nobody else is at it. Else says whether
    /// somebody was, having changed nothing.
    #[inline]
    pub(super) fn decide_at_once(&self, id: Id, ask: &Ask<'_>) -> Result<Decision, bool> {
        let word = self.word.load(Ordering::Acquire);
        let (decision, after) = ask.gcra.decide(tat(word), ask.now, ask.cost);
        let after = if after < LATEST { after } else { LATEST };
        // That leaves out CLAIMED, which is later than any.
        if after < tat(word) || !self.bears(id) {
            return Err(false);
        }
        let seen = if ask.take && decision.allows() && ask.cost > 0 {
            let new = after << TAG_BITS | word & TAG;
            let (done, failed) = (Ordering::AcqRel, Ordering::Relaxed);
            self.word.compare_exchange(word, new, done, failed)
        } else {
            Ok(self.again())
        };
        if seen == Ok(word) {
            Ok(decision)
        } else {
            Err(true)
        }
    }

    /// The word once more, after the identity was read: was the slot still the
    /// key's, when nothing is written that would tell?
    #[inline]
    fn again(&self) -> u64 {
        fence(Ordering::Acquire);
        self.word.load(Ordering::Acquire)
    }

    /// Decides for a key; `None` when the slot is not its own.
    pub(super) fn decide(&self, id: Id, ask: &Ask<'_>) -> Option<Decided> {
        self.decide_in_turn(id, ask, false)
    }

    /// As [`Slot::decide`], and knows whether somebody else was at it already.
    pub(super) fn decide_in_turn(
        &self,
        id: Id,
        ask: &Ask<'_>,
        mut contended: bool,
    ) -> Option<Decided> {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if !self.is_of(id, word) {
                return None;
            }
            let before = tat(word);
            let (decision, after) = ask.decide(before);
            let takes = ask.take && decision.allows() && ask.cost > 0;
            let changed = if takes || after < before {
                let (done, failed) = (Ordering::AcqRel, Ordering::Acquire);
                let new = moved_to(word, after);
                self.word.compare_exchange(word, new, done, failed).err()
            } else {
                let again = self.again();
                (again != word).then_some(again)
            };
            match changed {
                None => {
                    return Some(Decided {
                        decision,
                        contended,
                    });
                }
                Some(now) => (word, contended) = (now, true),
            }
        }
    }

    /// Decides for whoever asks, by a TAT that is only ever raised: quotas that
    /// meet here take from each other, and none gets more than its own. Only for
    /// who holds the desk.
    pub(super) fn decide_for_all(&self, ask: &Ask<'_>) -> Decision {
        let word = self.word.load(Ordering::Acquire);
        let ahead = tat(word).saturating_sub(ask.now);
        let (mut decision, after) = ask.gcra.decide(tat(word), ask.now, ask.cost);
        if let Verdict::Deny { retry_after } = &mut decision.verdict {
            // What another quota put beyond this one's limit has to pass as well.
            *retry_after += ahead.saturating_sub(ask.gcra.limit());
        } else if ask.take && after > tat(word) {
            self.word.store(moved_to(word, after), Ordering::Release);
        }
        decision
    }

    /// Gives back nanoseconds of backlog, none beyond what there is; `false`
    /// when the slot is not the key's.
    pub(super) fn refund(&self, id: Id, nanos: u64, now: u64) -> bool {
        let mut word = self.word.load(Ordering::Acquire);
        while self.is_of(id, word) {
            let before = tat(word);
            if before <= now {
                return true;
            }
            let new = moved_to(word, before.saturating_sub(nanos).max(now));
            let (done, failed) = (Ordering::AcqRel, Ordering::Acquire);
            match self.word.compare_exchange(word, new, done, failed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// The word, if nobody is counted here at `now`.
    pub(super) fn free(&self, now: u64) -> Option<u64> {
        #[cfg(test)]
        looked();
        let word = self.word.load(Ordering::Acquire);
        (tat(word) <= now).then_some(word)
    }

    /// The TAT.
    pub(super) fn tat(&self) -> u64 {
        tat(self.word.load(Ordering::Acquire))
    }

    /// Makes a slot that was seen free the key's own, unless it was used since.
    /// Only for who holds the key's desk: a key must not claim twice.
    pub(super) fn claim(&self, seen: u64, id: Id, to: u64) -> bool {
        let tag = seen.wrapping_add(1) & TAG;
        let claimed = CLAIMED << TAG_BITS | tag;
        let (done, failed) = (Ordering::AcqRel, Ordering::Relaxed);
        let ours = self.word.compare_exchange(seen, claimed, done, failed);
        if ours.is_err() {
            return false;
        }
        // With `Release`, so that who sees one of these also sees CLAIMED.
        for (half, word) in self.id.iter().zip(id.words()) {
            half.store(word, Ordering::Release);
        }
        let word = to.min(LATEST) << TAG_BITS | tag;
        self.word.store(word, Ordering::Release);
        true
    }
}

#[cfg(test)]
std::thread_local! {
    /// Slots that this thread looked at.
    pub(super) static LOOKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn looked() {
    LOOKED.set(LOOKED.get() + 1);
}
