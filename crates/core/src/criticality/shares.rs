//! What share of the permits each level may use.

use std::fmt;
use std::str::FromStr;

use super::Criticality;

/// What share of the permits may be taken when a request of a level takes one
/// more; the most critical level may use them all.
///
/// ```
/// use plimsoll_core::criticality::Shares;
///
/// // Sheddable, sheddable_plus, critical.
/// assert_eq!(Shares::default(), Shares::new(0.5, 0.75, 0.9).unwrap());
/// assert_eq!("0.5,0.75,0.9".parse(), Ok(Shares::default()));
/// assert!(Shares::new(0.9, 0.5, 1.0).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares([f64; 3]);

/// Shares that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharesError;

impl fmt::Display for SharesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "three shares are needed, each from 0 to 1 and none below the one before: \
             sheddable, sheddable_plus, critical; for example 0.5,0.75,0.9",
        )
    }
}

impl std::error::Error for SharesError {}

impl Shares {
    /// The shares of `sheddable`, `sheddable_plus` and `critical`.
    ///
    /// # Errors
    /// One is not between 0 and 1, or below that of a lower level.
    pub fn new(sheddable: f64, sheddable_plus: f64, critical: f64) -> Result<Self, SharesError> {
        let all = [sheddable, sheddable_plus, critical];
        let bounded = all.iter().all(|share| (0.0..=1.0).contains(share));
        (bounded && all.is_sorted())
            .then_some(Self(all))
            .ok_or(SharesError)
    }

    /// The share of a level, 0 to 1.
    pub fn of(&self, level: Criticality) -> f64 {
        self.0.get(level as usize).copied().unwrap_or(1.0)
    }
}

impl Default for Shares {
    /// A tenth is kept for `critical_plus`, a quarter for both critical levels,
    /// a half for all above `sheddable`.
    fn default() -> Self {
        Self([0.5, 0.75, 0.9])
    }
}

impl FromStr for Shares {
    type Err = SharesError;

    fn from_str(text: &str) -> Result<Self, SharesError> {
        let shares = text.split(',').map(|share| share.trim().parse());
        let shares: Result<Vec<f64>, _> = shares.collect();
        match shares.as_deref() {
            Ok(&[sheddable, sheddable_plus, critical]) => {
                Self::new(sheddable, sheddable_plus, critical)
            }
            _ => Err(SharesError),
        }
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sheddable, sheddable_plus, critical] = self.0;
        write!(f, "{sheddable},{sheddable_plus},{critical}")
    }
}
