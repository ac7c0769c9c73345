//! How hard pressed the process is, and what that leaves to each level.

use plimsoll_core::Criticality;

use super::{Reason, Shares};

/// Saturation of what a process runs out of: 0 at ease, 1 where nothing is left.
///
/// ```
/// use plimsoll_core::Criticality;
/// use plimsoll_ratelimit::overload::Pressure;
///
/// let pressure = Pressure { memory: 0.5, runtime: 0.0 };
/// assert_eq!(pressure.leaves(Criticality::Sheddable), 0.0);
/// assert_eq!(pressure.leaves(Criticality::SheddablePlus), 0.5);
/// assert_eq!(pressure.leaves(Criticality::Critical), 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pressure {
    /// Of the memory.
    pub memory: f64,
    /// Of the runtime that polls the requests.
    pub runtime: f64,
}

/// What `critical` keeps however great the pressure.
const LAST: f64 = 0.25;

impl Pressure {
    /// The greater saturation.
    pub fn most(&self) -> f64 {
        self.memory.max(self.runtime).clamp(0.0, 1.0)
    }

    /// What is pressed most; `None` at ease.
    pub(crate) fn cause(&self) -> Option<Reason> {
        match (self.memory, self.runtime) {
            (memory, runtime) if memory <= 0.0 && runtime <= 0.0 => None,
            (memory, runtime) if memory >= runtime => Some(Reason::Memory),
            _ => Some(Reason::Runtime),
        }
    }

    /// The part of a level's share that is left, 0 to 1. The levels give way one
    /// after the other, each gradually: `sheddable` from 0 to ½ of saturation,
    /// `sheddable_plus` from ¼ to ¾, `critical` from ½ to 1 and never below a
    /// quarter, `critical_plus` not at all.
    pub fn leaves(&self, level: Criticality) -> f64 {
        let begins = match level {
            Criticality::Sheddable => 0.0,
            Criticality::SheddablePlus => 0.25,
            Criticality::Critical => 0.5,
            Criticality::CriticalPlus => return 1.0,
        };
        let gone = ((self.most() - begins) * 2.0).clamp(0.0, 1.0);
        match level {
            Criticality::Critical => 1.0 - gone * (1.0 - LAST),
            _ => 1.0 - gone,
        }
    }
}

/// How many of `max` permits may be taken when a request of this level takes one
/// more; rounded up, so that a small limit shuts nobody out.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and `max`, which is far below 2^52"
)]
pub(crate) fn room(level: Criticality, max: usize, shares: &Shares, pressure: &Pressure) -> usize {
    let share = shares.of(level) * pressure.leaves(level);
    ((max as f64 * share).ceil() as usize).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn more_pressure_never_leaves_more_and_a_lower_level_never_has_more_room(
            memory in 0.0..=1.2_f64, more in 0.0..=1.0_f64, max in 0_usize..3_000,
        ) {
            let less = Pressure { memory, runtime: 0.0 };
            let more = Pressure { memory: memory + more, runtime: 0.0 };
            let shares = Shares::default();
            let mut below = 0;
            for level in Criticality::ALL {
                prop_assert!(more.leaves(level) <= less.leaves(level));
                let room = room(level, max, &shares, &less);
                prop_assert!(below <= room && room <= max, "{level} {room} of {max}");
                below = room;
            }
            prop_assert_eq!(below, max);
            prop_assert!(room(Criticality::Critical, max, &shares, &more) >= max.min(1));
        }
    }
}
