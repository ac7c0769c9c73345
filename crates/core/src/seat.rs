//! Which of two whole stacks, one inside the other by mistake, has a request.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::current;

static LAST: AtomicU32 = AtomicU32::new(0);

/// One application of a whole stack around a service. The outermost layer notes
/// it on the record; the parts of another stack find it there and stand down,
/// so that nothing is limited, held or counted twice.
///
/// ```
/// use plimsoll_core::Seat;
///
/// let (outer, inner) = (Seat::next(), Seat::next());
/// assert_ne!(outer, inner);
/// assert!(!outer.is_anothers(), "no request is being polled here");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat(NonZeroU32);

impl Seat {
    /// A seat that nobody has. After four thousand million of them they repeat.
    pub fn next() -> Self {
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU32::MIN.saturating_add(number % (u32::MAX - 1)))
    }

    /// Whether the request being polled here sits in another stack.
    pub fn is_anothers(self) -> bool {
        let seat = current::with(|record| record.seat).flatten();
        seat.is_some_and(|seat| seat != self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::current::Entered;
    use crate::record::{Record, fresh_ids};
    use crate::{Mode, Part, Rollout};

    #[test]
    fn parts_of_another_stack_are_off_while_its_request_is_polled() {
        let rollout = Rollout::default();
        let (outer, inner) = (Seat::next(), Seat::next());
        let mut record = Record::new(fresh_ids(false), 0);
        record.seat = Some(outer);
        let mut home = Some(Box::new(record));
        let _entered = Entered::new(&mut home);
        for (rollout, stands_down) in [
            (rollout.seated(outer), false),
            (rollout.seated(inner), true),
            // A part used alone has no seat and always does its work.
            (rollout, false),
        ] {
            assert_eq!(rollout.stands_down(), stands_down);
            let mode = rollout.mode(Part::Limit);
            assert_eq!(mode == Mode::Off, stands_down, "{mode}");
            assert_eq!(rollout.acts(Part::Limit, "/"), !stands_down);
        }
    }
}
