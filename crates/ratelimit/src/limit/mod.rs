//! One limit: whom it counts, by which quota, under which name.

mod cost;
mod error;
mod key;
mod sharing;
mod source;
mod unit;

use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use http::header::InvalidHeaderName;
use http::request::Parts;
use plimsoll_core::Mode;

use crate::plans::Plans;
use crate::quota::Quota;

pub use error::LimitError;
pub use key::Key;
pub use unit::Unit;

pub(crate) use cost::Cost;
pub(crate) use key::{Part, Prefixes};
pub(crate) use sharing::{Fleet, FleetKey, Sharing};
pub(crate) use source::Source;

/// Keys a limit keeps unless told otherwise.
pub const MAX_KEYS: usize = 100_000;

/// Longest name of a limit, in bytes.
const MAX_NAME: usize = 64;

/// Most sources that are joined to one key.
pub const MAX_SOURCES: usize = 4;

/// A limit to be; [`crate::Limiter::new`] checks it.
///
/// ```
/// use plimsoll_ratelimit::{Key, Limit, Quota};
///
/// let by_client = Limit::per_client().quota(Quota::per_second(100).burst(200));
///
/// // Who is signed in, as an inner layer of the service put it there.
/// struct User { id: u64 }
/// impl From<&User> for Key {
///     fn from(user: &User) -> Self {
///         Self::Number(user.id)
///     }
/// }
/// let by_user_and_route = Limit::by_extension::<User>()
///     .and(Limit::per_route())
///     .named("per-user-and-route")
///     .quota(Quota::per_hour(10_000))
///     .cost_of_route("/export", 100)
///     .max_keys(1_000);
/// # let _ = (by_client, by_user_and_route);
/// ```
#[derive(Clone)]
#[must_use = "a limit does nothing until a limiter has it"]
pub struct Limit {
    pub(crate) sources: Vec<Result<Source, String>>,
    pub(crate) name: String,
    pub(crate) quota: Option<Quota>,
    pub(crate) plans: Option<Plans>,
    pub(crate) candidate: Option<Quota>,
    pub(crate) cost: Cost,
    pub(crate) unit: Unit,
    pub(crate) mode: Mode,
    pub(crate) max_keys: usize,
    pub(crate) sharing: Option<Sharing>,
}

impl Limit {
    /// Counts each client address (IPv6 by its /64), named `per-client`.
    ///
    /// The address is the current record's client; without a record it is the
    /// request's [`plimsoll_core::peer::PeerAddr`], seen through the limiter's
    /// trusted proxies.
    pub fn per_client() -> Self {
        Self::new(Ok(Source::Client(Prefixes::USUAL)), "per-client".into())
    }

    /// Counts each value of a header, named `by-<header>`. A request without
    /// it is counted under its client's address, so that leaving the header
    /// out gains nothing. Use a header that a trusted hop writes: a client that
    /// can choose the value chooses its own quota.
    pub fn by_header(name: &str) -> Self {
        let source = name.parse::<HeaderName>().map(Source::Header);
        let source = source.map_err(|_: InvalidHeaderName| name.to_owned());
        Self::new(source, format!("by-{}", name.to_ascii_lowercase()))
    }

    /// Counts each identity that an outer layer put into the request's
    /// extensions, named `by-identity`; a request without one is not counted.
    ///
    /// It belongs inside the layer that knows who asks, so it needs a limiter
    /// and layer of its own there: `Plimsoll::limits`, or [`crate::RateLimitLayer`].
    pub fn by_extension<T>() -> Self
    where
        T: Send + Sync + 'static,
        for<'a> Key: From<&'a T>,
    {
        let source = Source::Identity(|extensions| extensions.get::<T>().map(Key::from));
        Self::new(Ok(source), "by-identity".into())
    }

    /// Counts each matched route, named `per-route`; all that match none are one.
    /// The route is the current record's: without one nothing is counted.
    pub fn per_route() -> Self {
        Self::new(Ok(Source::Route), "per-route".into())
    }

    /// Counts each key that `find` gives, named `by-key`; a request for which
    /// it gives `None` is not counted.
    pub fn by(find: impl Fn(&Parts) -> Option<Key> + Send + Sync + 'static) -> Self {
        Self::new(Ok(Source::By(Arc::new(find))), "by-key".into())
    }

    fn new(source: Result<Source, String>, name: String) -> Self {
        Self {
            sources: vec![source],
            name,
            quota: None,
            plans: None,
            candidate: None,
            cost: Cost::default(),
            unit: Unit::Requests,
            mode: Mode::Enforce,
            max_keys: MAX_KEYS,
            sharing: None,
        }
    }

    /// Counts each combination with whom the other limit counts; nothing else of
    /// the other is taken. A request that has no key for one of them is not counted.
    pub fn and(mut self, other: Self) -> Self {
        self.name = format!("{}-{}", self.name, other.name);
        self.sources.extend(other.sources);
        self
    }

    /// Counts IPv6 clients by so many bits of their address; 64 unless told
    /// otherwise. A second limit by 48 catches who has many networks.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.each_client(|prefixes| prefixes.with_v6(bits));
        self
    }

    /// Counts IPv4 clients by so many bits of their address; all 32 unless told otherwise.
    pub fn ipv4_prefix(mut self, bits: u8) -> Self {
        self.each_client(|prefixes| prefixes.with_v4(bits));
        self
    }

    fn each_client(&mut self, change: impl Fn(Prefixes) -> Prefixes) {
        for source in self.sources.iter_mut().flatten() {
            if let Source::Client(prefixes) = source {
                *prefixes = change(*prefixes);
            }
        }
    }

    /// What is allowed. Required; with [`Limit::plans`] it holds for keys without a plan.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// Quotas by key, which can change while the service runs. With [`Limit::and`]
    /// the key that has a plan is that of the first source.
    pub fn plans(mut self, plans: &Plans) -> Self {
        self.plans = Some(plans.clone());
        self
    }

    /// A quota to be tried: it counts beside the live one whom it would newly
    /// refuse or let pass, and changes no answer. Each process tries it on the
    /// requests that it sees itself, of a shared limit too.
    pub fn candidate(mut self, quota: Quota) -> Self {
        self.candidate = Some(quota);
        self
    }

    /// What this limit may do, below what [`plimsoll_core::Part::Limit`] may. Default: enforce.
    /// [`crate::Limiter::set_mode`] changes it while the service runs.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
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
        self.cost.fixed = cells;
        self
    }

    /// Cells that each request of a route takes; 0 lets it pass uncounted while
    /// the quota is not overdrawn. The route is the current record's.
    pub fn cost_of_route(mut self, route: &'static str, cells: u32) -> Self {
        self.cost.routes.push((route, cells));
        self
    }

    /// Cells that a request takes by what it asks for; `None` leaves it to the
    /// others. A cost over the burst never passes, and is told so.
    pub fn cost_by(
        mut self,
        weigh: impl Fn(&Parts) -> Option<u32> + Send + Sync + 'static,
    ) -> Self {
        self.cost.by = Some(Arc::new(weigh));
        self
    }

    /// What a cell is, as the fields tell it. Default: requests.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
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

/// A name that may stand in a structured field, a label and a log line.
pub(crate) fn checked_name(name: &str) -> Result<&'static str, LimitError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(LimitError::Name(name.into()));
    }
    Ok(plimsoll_core::intern::intern(name))
}
