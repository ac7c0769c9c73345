use super::MAX_NAME;
use crate::quota::QuotaError;

/// Why a set of limits cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// A name that cannot stand in fields and labels.
    #[error(
        "{0:?} cannot name a limit; use 1 to {MAX_NAME} lower-case letters, digits, `-`, `_` or `.`"
    )]
    Name(String),
    /// Two limits with one name.
    #[error("two limits are named {0:?}; tell them apart with `.named(..)`")]
    Twice(String),
    /// No limit has this name.
    #[error("no limit is named {0:?}")]
    Unknown(String),
    /// A limit without a quota.
    #[error("limit {0:?} has no quota; add `.quota(Quota::per_second(..))`")]
    NoQuota(String),
    /// A quota that cannot be kept.
    #[error("limit {name:?}: {error}")]
    Quota {
        /// The limit.
        name: String,
        /// What is wrong with its quota.
        error: QuotaError,
    },
    /// A cost that no request could ever pay.
    #[error("limit {name:?}: a cost of {cost} never fits a burst of {burst}; use 1 to {burst}")]
    Cost {
        /// The limit.
        name: String,
        /// Cells a request takes.
        cost: u32,
        /// Cells there are at most.
        burst: u32,
    },
    /// A header name that no header can have.
    #[error("{0:?} is no header name")]
    Header(String),
    /// A part of an address that there is not.
    #[error("limit {0:?}: an address counts by 1 to 32 bits (IPv4) or 1 to 128 bits (IPv6)")]
    Prefix(String),
    /// More sources joined to one key than are.
    #[error("limit {0:?}: at most {max} sources make a key", max = super::MAX_SOURCES)]
    Sources(String),
    /// More limits than are decided together.
    #[error("{0} limits are too many; at most {max} are decided together", max = crate::limiter::MAX_LIMITS)]
    TooMany(usize),
    /// A way of sharing that cannot be kept.
    #[error("limit {name:?}: {problem}")]
    Sharing {
        /// The limit.
        name: String,
        /// What is wrong, and what to change.
        problem: &'static str,
    },
}
