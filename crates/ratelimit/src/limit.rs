//! One limit: whom it counts, by which quota, under which name.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HeaderName, InvalidHeaderName};
use http::request::Parts;

use crate::quota::{Quota, QuotaError};

/// Keys a limit keeps unless told otherwise.
pub const MAX_KEYS: usize = 100_000;

/// Longest name of a limit, in bytes.
const MAX_NAME: usize = 64;

/// Whom a request is counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// An address, as it is.
    Address(IpAddr),
    /// A number, such as a row's.
    Number(u64),
    /// A text, such as a tenant's name.
    Text(Box<str>),
}

impl From<IpAddr> for Key {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// Finds the key of a request; `None` leaves the request out of this limit.
pub(crate) type Find = Arc<dyn Fn(&Parts) -> Option<Key> + Send + Sync>;

/// Where the key comes from.
#[derive(Clone)]
pub(crate) enum Source {
    Client,
    Header(HeaderName),
    By(Find),
}

/// A limit to be; [`crate::Limiter::new`] checks it.
///
/// ```
/// use plimsoll_ratelimit::{Key, Limit, Quota};
///
/// let by_client = Limit::per_client().quota(Quota::per_second(100).burst(200));
///
/// let by_tenant = Limit::by(|request| {
///     request.extensions.get::<u64>().copied().map(Key::from)
/// })
/// .named("per-tenant")
/// .quota(Quota::per_hour(10_000))
/// .max_keys(1_000);
/// # let _ = (by_client, by_tenant);
/// ```
#[derive(Clone)]
#[must_use = "a limit does nothing until a limiter has it"]
pub struct Limit {
    pub(crate) source: Result<Source, String>,
    pub(crate) name: String,
    pub(crate) quota: Option<Quota>,
    pub(crate) cost: u32,
    pub(crate) max_keys: usize,
}

impl Limit {
    /// Counts each client address (IPv6 by its /64), named `per-client`.
    ///
    /// The address is the current record's client; without a record it is the
    /// request's [`plimsoll_core::peer::PeerAddr`], seen through the limiter's
    /// trusted proxies.
    pub fn per_client() -> Self {
        Self::new(Ok(Source::Client), "per-client".into())
    }

    /// Counts each value of a header, named `by-<header>`. A request without
    /// it is counted under its client's address, so that leaving the header
    /// out gains nothing. Use a header that a trusted hop writes: a client that
    /// can choose the value chooses its own quota.
    pub fn by_header(name: &str) -> Self {
        let source = name.parse().map(Source::Header);
        let source = source.map_err(|_: InvalidHeaderName| name.to_owned());
        Self::new(source, format!("by-{}", name.to_ascii_lowercase()))
    }

    /// Counts each key that `find` gives, named `by-key`; a request for which
    /// it gives `None` is not counted.
    pub fn by(find: impl Fn(&Parts) -> Option<Key> + Send + Sync + 'static) -> Self {
        Self::new(Ok(Source::By(Arc::new(find))), "by-key".into())
    }

    fn new(source: Result<Source, String>, name: String) -> Self {
        Self {
            source,
            name,
            quota: None,
            cost: 1,
            max_keys: MAX_KEYS,
        }
    }

    /// What is allowed. Required.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// The policy's name in fields, labels and problems: lower-case letters,
    /// digits, `-`, `_` and `.`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Cells that each request takes; 1 unless told otherwise.
    pub fn cost(mut self, cells: u32) -> Self {
        self.cost = cells;
        self
    }

    /// Most keys counted apart at a time; beyond it new keys share cells
    /// ([`crate::store::Local`]).
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("name", &self.name)
            .field("quota", &self.quota)
            .field("cost", &self.cost)
            .field("max_keys", &self.max_keys)
            .finish_non_exhaustive()
    }
}

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
    /// More limits than are decided together.
    #[error("{0} limits are too many; at most {max} are decided together", max = crate::limiter::MAX_LIMITS)]
    TooMany(usize),
}

/// A name that may stand in a structured field, a label and a log line.
pub(crate) fn checked_name(name: &str) -> Result<&'static str, LimitError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(LimitError::Name(name.into()));
    }
    Ok(plimsoll_core::intern::intern(name))
}
