//! Which `type` a problem has.

use std::fmt;
use std::str::FromStr;

use crate::{Code, PlmCode};

/// What a problem's `type` is.
///
/// Our own leads to a page that says what to do, and tells a quota from a full
/// house; that is why it is the default. The draft of the `RateLimit` fields
/// registers a few types at IANA, which clients of no service in particular know.
/// Both forms have the member `violated-policies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Types {
    /// The page of the code.
    #[default]
    Own,
    /// For refusals by limits and for lack of capacity what
    /// draft-ietf-httpapi-ratelimit-headers-11, section 6, registers; the page of
    /// the code for everything else.
    Iana,
}

const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const CAPACITY: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

impl Types {
    /// The registered type of a code, where it is to be used and there is one.
    pub(crate) fn of(self, code: &Code) -> Option<&'static str> {
        if self == Self::Own {
            return None;
        }
        let is = |known: PlmCode| known.code().id == code.id;
        let capacity = [
            PlmCode::LimiterUnavailable,
            PlmCode::Overloaded,
            PlmCode::Draining,
        ];
        if is(PlmCode::QuotaExceeded) {
            return Some(QUOTA);
        }
        capacity.into_iter().any(is).then_some(CAPACITY)
    }

    /// The word used in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Iana => "iana",
        }
    }
}

/// A word that is not one of [`Types`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of own, iana")]
pub struct UnknownTypes(String);

impl FromStr for Types {
    type Err = UnknownTypes;

    fn from_str(word: &str) -> Result<Self, UnknownTypes> {
        match word {
            "own" => Ok(Self::Own),
            "iana" => Ok(Self::Iana),
            _ => Err(UnknownTypes(word.into())),
        }
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
