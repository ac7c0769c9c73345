use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest that is added to a wait.
const MOST: Duration = Duration::from_secs(30);

/// Spreads waits, so that clients refused together do not come back together.
///
/// What is added is never negative: a client that waits as it was told is not
/// early. It is at most a share of the wait, and at most 30 s.
#[derive(Debug)]
pub struct Jitter {
    /// In 1,024ths of the wait.
    share: u32,
    state: AtomicU64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self::share(0.125)
    }
}

/// The clone draws a sequence of its own.
impl Clone for Jitter {
    fn clone(&self) -> Self {
        Self {
            share: self.share,
            state: AtomicU64::new(self.draw()),
        }
    }
}

impl Jitter {
    /// Waits are told as they are.
    pub fn none() -> Self {
        Self::share(0.0)
    }

    /// Adds up to this share of the wait, 0 to 1.
    pub fn share(share: f64) -> Self {
        Self {
            share: (share.clamp(0.0, 1.0) * 1_024.0) as u32,
            state: AtomicU64::new(RandomState::new().hash_one(())),
        }
    }

    /// Draws the same sequence each time.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
            ..self
        }
    }

    /// A wait in whole milliseconds, as every signal tells it: rounded up, and
    /// longer by what was drawn.
    pub(crate) fn spread(&self, wait: Duration) -> Duration {
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let widest = u128::from(nanos) * u128::from(self.share) / 1_024;
        let widest = u64::try_from(widest.min(MOST.as_nanos())).unwrap_or_default();
        let added = match widest {
            0 => 0,
            widest => ((u128::from(self.draw()) * u128::from(widest)) >> 64) as u64,
        };
        Duration::from_millis(nanos.saturating_add(added).div_ceil(1_000_000))
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014).
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self
            .state
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_spread_wait_is_never_shorter_and_longer_by_a_bounded_share(wait: u64, share in 0.0..1.0_f64, seed: u64) {
            let wait = Duration::from_nanos(wait);
            let told = Jitter::share(share).seeded(seed).spread(wait);
            prop_assert!(told >= wait);
            let most = wait.mul_f64(share).min(MOST) + Duration::from_millis(2);
            prop_assert!(told <= wait + most, "{:?} of {:?}", told, wait);
        }
    }

    #[test]
    fn one_seed_draws_one_sequence_and_it_is_spread() {
        let wait = Duration::from_secs(80);
        let draws = |seed| {
            let jitter = Jitter::default().seeded(seed);
            (0..64)
                .map(|_| jitter.spread(wait).as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let all = draws(3);
        let (least, most) = (all.iter().min().unwrap(), all.iter().max().unwrap());
        assert!(*least < 82_000 && *most > 88_000, "{least} {most}");
        assert_eq!(Jitter::none().spread(wait), wait);
    }
}
