//! How much it matters that a request is answered.

mod shares;
mod trigger;

use std::fmt;
use std::str::FromStr;

pub use self::shares::{Shares, SharesError};
pub use self::trigger::{Trigger, TriggerError};
use crate::mode::UnknownWord;

/// Four levels, as in Google's *Site Reliability Engineering*, chapter 21
/// ("Handling Overload"). Under overload the lowest goes first.
///
/// A request may carry one in its extensions; then that is its level.
///
/// ```
/// use plimsoll_core::Criticality;
///
/// assert_eq!("sheddable".parse(), Ok(Criticality::Sheddable));
/// assert!(Criticality::Sheddable < Criticality::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Criticality {
    /// Can always be given up: a retry, batch work.
    Sheddable,
    /// Partly or for some minutes missing is borne: a background refresh.
    SheddablePlus,
    /// A user sees it missing. What nobody said anything of.
    #[default]
    Critical,
    /// Gravely missed: money moves, somebody cannot sign in.
    CriticalPlus,
}

impl Criticality {
    /// Every level, the lowest first.
    pub const ALL: [Self; 4] = [
        Self::Sheddable,
        Self::SheddablePlus,
        Self::Critical,
        Self::CriticalPlus,
    ];

    /// The word used in headers, configuration, labels and log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sheddable => "sheddable",
            Self::SheddablePlus => "sheddable_plus",
            Self::Critical => "critical",
            Self::CriticalPlus => "critical_plus",
        }
    }
}

impl fmt::Display for Criticality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Criticality {
    type Err = UnknownWord;

    /// Reads a word of [`Criticality::as_str`] in any case.
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let mut all = Self::ALL.into_iter();
        all.find(|level| level.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| {
                UnknownWord::new(word, "sheddable, sheddable_plus, critical, critical_plus")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for level in Criticality::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(level.as_str().to_ascii_uppercase().parse(), Ok(level));
        }
        assert!("high".parse::<Criticality>().is_err());
    }
}
