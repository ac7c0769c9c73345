//! Several limits decided together, all or nothing.

mod advertised;
mod candidate;
mod change;
mod debit;
mod decide;
mod fleet;
mod pass;
mod rate;
mod refused;
mod report;
mod subject;
mod telling;
#[cfg(test)]
mod tests;
mod usual;

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use plimsoll_core::names::value;
use plimsoll_core::peer::Trust;
use plimsoll_core::{Clock, Mode, Record};

use advertised::Advertised;
use candidate::Candidate;
use decide::Said;
use refused::Refused;
use subject::Found;

use crate::answers::{Answers, Partition};
use crate::findings::{self, Finding, Findings};
use crate::limit::{Cost, Fleet, Limit, LimitError, MAX_SOURCES, Source, Unit, checked_name};
use crate::plans::Plans;
use crate::store::Local;

use rate::Rate;

pub use candidate::Agreement;
pub use debit::Debits;
pub(crate) use fleet::{Asked, Keys, Names};
pub use refused::RefusedKey;
pub use report::PolicyReport;
pub use telling::{Answer, Denied};
pub(crate) use usual::{Usual, Word};

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
            Self::Allow => value::ALLOW,
            Self::Deny => value::DENY,
            Self::Observed => value::OBSERVED,
            Self::ObservedUnnamedProxy => value::OBSERVED_UNNAMED_PROXY,
            Self::NoKey => value::NO_KEY,
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
/// count it. No lock is held from one limit to the next: all limits are asked
/// first, and only if all allow are cells taken, in the order of the limits. A
/// key that is new waits for no more than another new key's search for a slot
/// ([`crate::store::Local`]); nobody else waits for anybody. When another request was faster
/// at one of them, the limits before it get their cells back. Never more pass
/// than the quotas say; a third request may in those few instructions be
/// refused for cells that are on their way back.
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

/// Of the next limiter.
static NEXT: AtomicU32 = AtomicU32::new(1);

#[derive(Debug)]
struct Inner {
    policies: Vec<Policy>,
    /// Whether a limit finds its keys by a closure.
    needs_parts: bool,
    advertised: Advertised,
    /// Held while a quota is changed.
    changing: Mutex<()>,
    clock: Clock,
    trust: Trust,
    answers: Arc<Answers>,
    findings: Findings,
    /// Tells keys apart in reports.
    tags: Partition,
    /// Which of the process's limiters it is.
    number: u32,
    /// What names keys alike in all processes, for limits that they share.
    fleet: Option<Fleet>,
}

/// A limit that was checked, and its state.
struct Policy {
    name: &'static str,
    sources: Box<[Source]>,
    rate: Rate,
    plans: Option<Plans>,
    candidate: Option<Candidate>,
    refused: Refused,
    cost: Cost,
    unit: Unit,
    /// Whether every request costs the fixed cost.
    costs_the_same: bool,
    mode: AtomicU8,
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
        Self::with(limits, clock, trust, Answers::exact())
    }

    /// As [`Limiter::new`], and says how it answers.
    ///
    /// # Errors
    /// As [`Limiter::new`].
    pub fn with(
        limits: impl IntoIterator<Item = Limit>,
        clock: Clock,
        trust: Trust,
        answers: Answers,
    ) -> Result<Self, LimitError> {
        Self::sharing(limits, clock, trust, Arc::new(answers))
    }

    /// A limiter for an inner layer: it has limits of its own, and this one's
    /// clock, trust and way of answering.
    ///
    /// # Errors
    /// As [`Limiter::new`].
    pub fn beside(&self, limits: impl IntoIterator<Item = Limit>) -> Result<Self, LimitError> {
        let Inner {
            clock,
            trust,
            answers,
            ..
        } = &*self.0;
        Self::sharing(limits, clock.clone(), trust.clone(), Arc::clone(answers))
    }

    fn sharing(
        limits: impl IntoIterator<Item = Limit>,
        clock: Clock,
        trust: Trust,
        answers: Arc<Answers>,
    ) -> Result<Self, LimitError> {
        let mut policies: Vec<Policy> = Vec::new();
        let findings = Findings::default();
        for limit in limits {
            let policy = Policy::new(limit, &clock)?;
            if policies.iter().any(|other| other.name == policy.name) {
                return Err(LimitError::Twice(policy.name.into()));
            }
            policy.look_at_quota(&findings);
            policies.push(policy);
        }
        if policies.len() > MAX_LIMITS {
            return Err(LimitError::TooMany(policies.len()));
        }
        Ok(Self(Arc::new(Inner {
            needs_parts: policies.iter().any(Policy::needs_parts),
            advertised: Advertised::new(&policies),
            policies,
            changing: Mutex::new(()),
            clock,
            trust,
            answers,
            findings,
            tags: Partition::drawn(),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            fleet: None,
        })))
    }

    /// Whether there is no limit at all.
    pub fn is_empty(&self) -> bool {
        self.0.policies.is_empty()
    }

    /// The value of `RateLimit-Policy`; `None` without limits.
    #[inline]
    pub fn advertised(&self) -> Option<HeaderValue> {
        self.0.advertised.value()
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

    /// What one limit may do from now on, below what
    /// [`plimsoll_core::Part::Limit`] may; says whether there is a limit of this name.
    pub fn set_mode(&self, policy: &str, mode: Mode) -> bool {
        let named = self.0.policies.iter().find(|known| known.name == policy);
        if let Some(policy) = named {
            policy.mode.store(mode as u8, Ordering::Relaxed);
        }
        named.is_some()
    }

    /// Notes on the current record that this limiter counts its request, and
    /// finds it when it has done so already.
    #[inline]
    pub(crate) fn note_round(&self, record: &mut Record) {
        if record.is_counted_by(self.0.number)
            && let [first, ..] = &*self.0.policies
        {
            self.0.findings.note(Finding::CountedTwice, first.name);
        }
    }

    /// The misconfigurations met so far.
    pub fn findings(&self) -> Vec<findings::Found> {
        let coarse = self.coarsened().iter().map(|(_, count)| count).sum();
        self.0.findings.all(self.0.trust.flaws(), coarse)
    }

    /// For each policy, how many decisions were made on a cell that several
    /// keys shared, because more keys were active than it has room for.
    pub fn coarsened(&self) -> Vec<(&'static str, u64)> {
        let row = |policy: &Policy| (policy.name, policy.store.coarsened());
        self.0.policies.iter().map(row).collect()
    }
}

/// Windows' worth of requests in a burst from which on it is a [`Finding`].
const WIDE_BURST: u32 = 10;

/// A wait from which on it is a [`Finding`].
const LONG_WAIT: Duration = Duration::from_hours(24);

impl Policy {
    fn new(limit: Limit, clock: &Clock) -> Result<Self, LimitError> {
        let name = checked_name(&limit.name)?;
        let sources: Result<Box<[_]>, _> = limit.sources.into_iter().collect();
        let sources = sources.map_err(LimitError::Header)?;
        if sources.len() > MAX_SOURCES {
            return Err(LimitError::Sources(name.into()));
        }
        let bad =
            |source: &Source| matches!(source, Source::Client(prefixes) if !prefixes.are_good());
        if sources.iter().any(bad) {
            return Err(LimitError::Prefix(name.into()));
        }
        let Some(quota) = limit.quota else {
            return Err(LimitError::NoQuota(name.into()));
        };
        let not_kept = |error| LimitError::Quota {
            name: name.into(),
            error,
        };
        let rate = Rate::new(quota).map_err(not_kept)?;
        let candidate = match limit.candidate {
            None => None,
            Some(quota) => {
                let gcra = quota.check().map_err(not_kept)?;
                let keys = limit.max_keys;
                Some(Candidate::new(quota, gcra, keys, clock.clone()))
            }
        };
        let cost = limit.cost;
        cost.check(name, quota.burst_size())?;
        Ok(Self {
            name,
            sources,
            rate,
            plans: limit.plans,
            candidate,
            refused: Refused::default(),
            costs_the_same: cost.by.is_none() && cost.routes.is_empty(),
            cost,
            unit: limit.unit,
            mode: AtomicU8::new(limit.mode as u8),
            store: Local::new(limit.max_keys, clock.clone()),
            counts: Default::default(),
        })
    }

    /// Notes for reports what was decided; `denied` is what all limits came to.
    fn note(&self, found: &Found, said: &Said, now: u64, denied: bool) {
        let allows = said.decision.allows();
        if !allows {
            self.refused.note(found);
        }
        // What another limit refused is not counted here.
        if let Some(candidate) = &self.candidate
            && (!denied || !allows)
        {
            candidate.weigh(found, now, allows);
        }
    }

    fn needs_parts(&self) -> bool {
        self.cost.by.is_some()
            || self
                .sources
                .iter()
                .any(|source| matches!(source, Source::By(_)))
    }

    #[inline]
    fn mode(&self) -> Mode {
        Mode::of(self.mode.load(Ordering::Relaxed))
    }

    fn look_at_quota(&self, findings: &Findings) {
        let quota = self.rate.quota();
        if quota.burst_size() / WIDE_BURST > quota.count() {
            findings.note(Finding::WideBurst, self.name);
        }
        let most = self.cost.known().max().unwrap_or(1);
        let wait = Duration::from_nanos(self.rate.gcra().interval().saturating_mul(most.into()));
        if wait > LONG_WAIT {
            findings.note(Finding::LongWait, self.name);
        }
    }

    fn count(&self, label: Label) {
        self.counts[label as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .field("rate", &self.rate)
            .field("cost", &self.cost)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
