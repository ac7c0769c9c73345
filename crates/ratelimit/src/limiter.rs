//! Several limits decided together, all or nothing.

mod decide;
mod subject;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::HeaderValue;
use plimsoll_core::Clock;
use plimsoll_core::peer::Trust;

use crate::gcra::Gcra;
use crate::headers;
use crate::limit::{Limit, LimitError, Source, checked_name};
use crate::store::Local;

pub use decide::{Answer, Denied};

/// Most limits that are decided together.
pub const MAX_LIMITS: usize = 8;

/// What a limit decided, as its label says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// The request passed and was counted.
    Allow,
    /// The request was refused.
    Deny,
    /// The request would have been refused; the mode is `observe`.
    Observed,
    /// The request would have been refused, but all clients seem to stand
    /// behind a proxy that nobody named.
    ObservedUnnamedProxy,
    /// The request had no key: no peer address is known, or the limit's own
    /// closure gave none. It passed uncounted.
    NoKey,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 5] = [
        Self::Allow,
        Self::Deny,
        Self::Observed,
        Self::ObservedUnnamedProxy,
        Self::NoKey,
    ];

    /// The value of [`plimsoll_core::names::label::DECISION`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Observed => "observed",
            Self::ObservedUnnamedProxy => "observed_unnamed_proxy",
            Self::NoKey => "no_key",
        }
    }
}

/// How often a policy decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Name of the limit.
    pub policy: &'static str,
    /// One of [`Label::ALL`], as text.
    pub decision: &'static str,
    /// How often, since start.
    pub count: u64,
}

/// Limits with their state; clones share it.
///
/// A request passes if every limit allows it, and only then does any of them
/// count it. That is exact with any number of threads: the words of a request's
/// keys are locked in the order of the limits, and all are kept or none.
///
/// ```
/// use plimsoll_core::{Clock, Mode, peer::{PeerAddr, Trust}};
/// use plimsoll_ratelimit::{Limit, Limiter, Quota};
///
/// let limit = Limit::per_client().quota(Quota::per_second(1));
/// let limiter = Limiter::new([limit], Clock::system(), Trust::nobody())?;
///
/// let peer = PeerAddr(([203, 0, 113, 9], 4711).into());
/// let (parts, ()) = http::Request::builder().extension(peer).body(()).unwrap().into_parts();
/// assert!(limiter.decide(&parts, Mode::Enforce).denied.is_none());
/// assert_eq!(limiter.decide(&parts, Mode::Enforce).denied.unwrap().policy, "per-client");
/// # Ok::<(), plimsoll_ratelimit::LimitError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    policies: Vec<Policy>,
    /// Whether a limit finds its keys by a closure.
    needs_parts: bool,
    advertised: Option<HeaderValue>,
    clock: Clock,
    trust: Trust,
    warned_of_proxy: AtomicBool,
    warned_of_peer: AtomicBool,
}

/// A limit that was checked, and its state.
struct Policy {
    name: &'static str,
    source: Source,
    gcra: Gcra,
    cost: u32,
    store: Local,
    counts: [AtomicU64; Label::ALL.len()],
}

impl Limiter {
    /// Checks the limits and makes their state.
    ///
    /// # Errors
    /// When a limit cannot be kept; the first fault found, and what to change.
    pub fn new(
        limits: impl IntoIterator<Item = Limit>,
        clock: Clock,
        trust: Trust,
    ) -> Result<Self, LimitError> {
        let mut policies: Vec<Policy> = Vec::new();
        let mut field = String::new();
        for limit in limits {
            let quota = limit.quota;
            let policy = Policy::new(limit)?;
            if policies.iter().any(|other| other.name == policy.name) {
                return Err(LimitError::Twice(policy.name.into()));
            }
            if let Some(quota) = quota {
                headers::policy_item(&mut field, policy.name, &quota);
            }
            policies.push(policy);
        }
        if policies.len() > MAX_LIMITS {
            return Err(LimitError::TooMany(policies.len()));
        }
        let by_closure = |policy: &Policy| matches!(policy.source, Source::By(_));
        Ok(Self(Arc::new(Inner {
            needs_parts: policies.iter().any(by_closure),
            policies,
            advertised: HeaderValue::try_from(field)
                .ok()
                .filter(|field| !field.is_empty()),
            clock,
            trust,
            warned_of_proxy: AtomicBool::new(false),
            warned_of_peer: AtomicBool::new(false),
        })))
    }

    /// Whether there is no limit at all.
    pub fn is_empty(&self) -> bool {
        self.0.policies.is_empty()
    }

    /// The value of `RateLimit-Policy`; `None` without limits.
    pub fn advertised(&self) -> Option<HeaderValue> {
        self.0.advertised.clone()
    }

    /// What was decided so far: every policy with every label, zeros included.
    pub fn stats(&self) -> Vec<Stat> {
        let rows = |policy: &Policy| {
            let name = policy.name;
            let counts = policy.counts.each_ref();
            let counts = counts.map(|count| count.load(Ordering::Relaxed));
            Label::ALL.map(|label| Stat {
                policy: name,
                decision: label.as_str(),
                count: counts[label as usize],
            })
        };
        self.0.policies.iter().flat_map(rows).collect()
    }

    /// For each policy, how many decisions were made on a cell that several
    /// keys shared, because more keys were active than it has room for.
    pub fn coarsened(&self) -> Vec<(&'static str, u64)> {
        let row = |policy: &Policy| (policy.name, policy.store.coarsened());
        self.0.policies.iter().map(row).collect()
    }
}

impl Policy {
    fn new(limit: Limit) -> Result<Self, LimitError> {
        let name = checked_name(&limit.name)?;
        let source = limit.source.map_err(LimitError::Header)?;
        let Some(quota) = limit.quota else {
            return Err(LimitError::NoQuota(name.into()));
        };
        let gcra = quota.check().map_err(|error| LimitError::Quota {
            name: name.into(),
            error,
        })?;
        let burst = quota.burst_size();
        if limit.cost == 0 || limit.cost > burst {
            return Err(LimitError::Cost {
                name: name.into(),
                cost: limit.cost,
                burst,
            });
        }
        Ok(Self {
            name,
            source,
            gcra,
            cost: limit.cost,
            store: Local::new(limit.max_keys),
            counts: Default::default(),
        })
    }

    fn count(&self, label: Label) {
        self.counts[label as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .field("gcra", &self.gcra)
            .field("cost", &self.cost)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
