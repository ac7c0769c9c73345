//! The limiters of an instance: that of the one layer, and those of inner layers.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use plimsoll_core::names::{self, label};
use plimsoll_ratelimit::findings::Found;
use plimsoll_ratelimit::{Limit, LimitError, Limiter, RateLimitLayer, SharedLimiter};
use plimsoll_telemetry::metrics::Page;

use crate::Error;
use crate::plimsoll::{Plimsoll, Shared};

impl Plimsoll {
    /// The limits of the one layer: their reports, and what can be done with
    /// them beside deciding, such as [`Limiter::set_quota`] and [`Limiter::give_back`].
    ///
    /// ```
    /// use plimsoll::{Limit, Plimsoll, Quota};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = Limit::per_client().quota(Quota::per_minute(60));
    /// let plimsoll = Plimsoll::builder("card-service").limit(limit).build()?;
    /// plimsoll.limiter().set_quota("per-client", Quota::per_minute(30))?;
    /// assert_eq!(plimsoll.limiter().report()[0].quota, Quota::per_minute(30));
    /// # Ok(())
    /// # }
    /// ```
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// Limits for an inner layer, where more is known of a request than on the
    /// outside: who is signed in, the tenant. They share clock, trusted proxies,
    /// modes, records, metrics and the control listener with the outer ones.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use plimsoll::{Key, Limit, Plimsoll, Quota};
    ///
    /// #[derive(Clone)]
    /// struct User { id: u64 }
    /// impl From<&User> for Key {
    ///     fn from(user: &User) -> Self {
    ///         Self::Number(user.id)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), plimsoll::Error> {
    /// let plimsoll = Plimsoll::builder("card-service").build()?;
    /// let per_user = plimsoll.limits([
    ///     Limit::by_extension::<User>().quota(Quota::per_minute(60)),
    /// ])?;
    /// let app: Router = Router::new()
    ///     .route("/cards", get(|| async { "cards" }))
    ///     .layer(per_user) // inside the layer that knows the user
    ///     .layer(axum::Extension(User { id: 7 }))
    ///     .layer(plimsoll.layer());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When a limit cannot be kept as it is written, or has the name of another.
    pub fn limits(&self, limits: impl IntoIterator<Item = Limit>) -> Result<RateLimitLayer, Error> {
        let limiter = self.0.limiter.beside(limits)?;
        let mut inner = self
            .0
            .inner_limiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = inner
            .iter()
            .chain(self.0.outer_limiters())
            .flat_map(Limiter::report);
        let known: Vec<_> = known.map(|row| row.policy).collect();
        let twice = limiter
            .report()
            .into_iter()
            .find(|row| known.contains(&row.policy));
        if let Some(row) = twice {
            return Err(LimitError::Twice(row.policy.into()).into());
        }
        inner.push(limiter.clone());
        Ok(RateLimitLayer::new(limiter)
            .rollout(self.0.rollout.clone())
            .clocked_by_record())
    }
}

impl Shared {
    /// Every limiter, the outer one first.
    pub(crate) fn limiters(&self) -> Vec<Limiter> {
        let inner = self
            .inner_limiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.outer_limiters().chain(&*inner).cloned().collect()
    }

    /// Those of the one layer: the local one, and the one shared with other processes.
    fn outer_limiters(&self) -> impl Iterator<Item = &Limiter> {
        let shared = self.fleet.as_ref().map(SharedLimiter::limiter);
        std::iter::once(&self.limiter).chain(shared)
    }
}

/// What the limits decided and found.
pub(crate) fn collect(page: &mut Page, shared: &Shared) {
    let limiters = shared.limiters();
    page.family(
        names::RATELIMIT_DECISIONS,
        "counter",
        "Decisions of the rate limits.",
    );
    for stat in limiters.iter().flat_map(Limiter::stats) {
        let labels = [
            (label::POLICY, stat.policy),
            (label::DECISION, stat.decision),
        ];
        page.sample(names::RATELIMIT_DECISIONS, &labels, stat.count);
    }
    let reports: Vec<_> = limiters.iter().flat_map(Limiter::report).collect();
    page.family(
        names::RATELIMIT_COARSENED,
        "counter",
        "Decisions on cells that several keys shared for want of room.",
    );
    for row in &reports {
        let labels = [(label::POLICY, row.policy)];
        page.sample(names::RATELIMIT_COARSENED, &labels, row.coarsened);
    }
    page.family(
        names::RATELIMIT_CANDIDATE,
        "counter",
        "Requests that a candidate quota was tried on.",
    );
    for row in &reports {
        for (agreement, count) in row.candidate.iter().flat_map(|(_, counts)| counts) {
            let labels = [(label::POLICY, row.policy), (label::AGREEMENT, *agreement)];
            page.sample(names::RATELIMIT_CANDIDATE, &labels, *count);
        }
    }
    page.family(
        names::RATELIMIT_FINDINGS,
        "counter",
        "Misconfigurations of the rate limits.",
    );
    for found in findings(&limiters) {
        let labels = [(label::FINDING, found.finding.code())];
        page.sample(names::RATELIMIT_FINDINGS, &labels, found.count);
    }
    page.family(
        names::RATELIMIT_AHEAD,
        "gauge",
        "Cells over its quota that may pass of one key, because cores take them in advance.",
    );
    for row in &reports {
        page.sample(
            names::RATELIMIT_AHEAD,
            &[(label::POLICY, row.policy)],
            row.ahead,
        );
    }
}

/// What all limiters found, each finding once, in the order of the codes.
pub(crate) fn findings(limiters: &[Limiter]) -> Vec<Found> {
    let mut all = BTreeMap::new();
    for row in limiters.iter().flat_map(Limiter::findings) {
        let found: &mut Found = all
            .entry(row.finding.code())
            .or_insert(Found { count: 0, ..row });
        // Those of the trust are the same for all limiters.
        found.count = if row.finding.is_of_trust() {
            found.count.max(row.count)
        } else {
            found.count + row.count
        };
    }
    all.into_values().collect()
}
