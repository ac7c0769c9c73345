//! The limiters under test, behind one call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::ReasonablyRealtime;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use plimsoll_core::Clock;
use plimsoll_ratelimit::gcra::Gcra;
use plimsoll_ratelimit::store::Local;
use plimsoll_ratelimit::{Quota, QuotaError};

/// A limiter by text.
pub(super) trait Decides: Sync {
    /// Whether a request of this key passes.
    fn decide(&self, key: &String) -> bool;
}

/// Time that is given: one word that somebody moves, as a request's record
/// carries the time that its limiter decides by.
#[derive(Debug, Clone)]
pub(super) struct Given(pub Arc<AtomicU64>);

impl Default for Given {
    /// Two seconds after the origin, later than a manual clock's first reading.
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(2_000_000_000)))
    }
}

impl governor::clock::Clock for Given {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }
}

impl ReasonablyRealtime for Given {}

/// Ours.
pub(super) struct Ours {
    store: Local,
    gcra: Gcra,
    clock: Clock,
    given: Option<Given>,
}

impl Ours {
    /// With a clock of its own, or time given; for so many keys and this quota.
    ///
    /// # Errors
    ///
    /// When the quota cannot be kept.
    pub(super) fn new(keys: usize, quota: Quota, given: Option<Given>) -> Result<Self, QuotaError> {
        // A clock that stands still never differs from the time given.
        let clock = match given {
            Some(_) => Clock::manual().0,
            None => Clock::system(),
        };
        Ok(Self {
            store: Local::new(keys, clock.clone()),
            gcra: quota.check()?,
            clock,
            given,
        })
    }
}

impl Decides for Ours {
    fn decide(&self, key: &String) -> bool {
        let now = match &self.given {
            Some(given) => given.0.load(Ordering::Relaxed),
            None => self.clock.now(),
        };
        let id = self.store.identity().bytes(key.as_bytes());
        self.store.decide(id, self.gcra, 1, now).allows()
    }
}

/// governor, keyed by `String` in its default store.
pub(super) type Governor<C> = governor::RateLimiter<
    String,
    DashMapStateStore<String>,
    C,
    NoOpMiddleware<<C as governor::clock::Clock>::Instant>,
>;

/// governor with this quota.
pub(super) fn governor<C: governor::clock::Clock>(quota: governor::Quota, clock: C) -> Governor<C> {
    governor::RateLimiter::new(quota, DashMapStateStore::default(), clock)
}

impl<C: governor::clock::Clock + Sync> Decides for Governor<C>
where
    C::Instant: Sync,
{
    fn decide(&self, key: &String) -> bool {
        self.check_key(key).is_ok()
    }
}
