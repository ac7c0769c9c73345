//! The limits of a fleet: keys are found and answers put together here, and
//! decided elsewhere.

use std::sync::Arc;

use http::Request;
use plimsoll_core::peer::Trust;
use plimsoll_core::{Clock, Mode, current};

use super::decide::{Said, exchange};
use super::subject::{Found, Stance, Subject};
use super::telling::{Answer, Telling};
use super::{Inner, Label, Limiter, MAX_LIMITS};
use crate::answers::Answers;
use crate::gcra::{Decision, Gcra};
use crate::headers::Field;
use crate::limit::{Fleet, FleetKey, Limit, LimitError};
use crate::store::{Id, Want};

/// The keys of a request, by limit.
#[derive(Debug)]
pub(crate) struct Keys([Option<Named>; MAX_LIMITS]);

/// A key, and how all processes name it, once somebody has to know.
#[derive(Debug, Clone, Copy)]
struct Named {
    found: Found,
    policy: &'static str,
    key: Option<FleetKey>,
}

/// Names a request's keys as all processes do: a hash each, which only those
/// need that the store is asked for.
pub(crate) struct Names<'a> {
    subject: &'a Subject<'a>,
    limiter: &'a Inner,
}

/// What one limit asks of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Which limit.
    pub(crate) at: usize,
    /// Its name.
    policy: &'static str,
    /// The key as this process knows it.
    pub(crate) id: Id,
    /// The key as all processes know it, if it was named.
    key: Option<FleetKey>,
    pub(crate) gcra: Gcra,
    pub(crate) cost: u32,
    /// Whether the request does not pass if this limit denies it.
    pub(crate) enforces: bool,
}

impl Keys {
    pub(crate) fn asked(&self, at: usize) -> Option<Asked> {
        let Named { found, policy, key } = (*self.0.get(at)?)?;
        Some(Asked {
            at,
            policy,
            id: found.id,
            key,
            gcra: found.gcra,
            cost: found.cost,
            enforces: found.stance == Stance::Enforces,
        })
    }

    /// Names a key for the store. When a limit's own closure finds none this
    /// time, the request has none.
    pub(crate) fn name(&mut self, at: usize, names: &Names<'_>) {
        let Some(place) = self.0.get_mut(at) else {
            return;
        };
        let Some(own) = place.as_mut().filter(|own| own.key.is_none()) else {
            return;
        };
        let policy = &names.limiter.policies[at];
        own.key = names.subject.fleet_key(policy, names.limiter);
        if own.key.is_none() {
            policy.count(Label::NoKey);
            *place = None;
        }
    }
}

impl Asked {
    /// Whether the store can be asked.
    pub(crate) const fn is_named(&self) -> bool {
        self.key.is_some()
    }

    /// As the store is asked, for a key that was named. The braces keep all keys
    /// of a client in one slot of a Redis Cluster.
    pub(crate) fn want(&self) -> Option<Want> {
        let FleetKey(key) = self.key?;
        Some(Want {
            key: format!("pl:{{{key:032x}}}:{}", self.policy).into(),
            gcra: self.gcra,
            cells: self.cost,
        })
    }
}

impl Limiter {
    /// Limits whose keys all processes with this secret name alike.
    pub(crate) fn of_fleet(
        limits: impl IntoIterator<Item = Limit>,
        clock: Clock,
        trust: Trust,
        answers: Answers,
        secret: &str,
    ) -> Result<Self, LimitError> {
        let mut limiter = Self::with(limits, clock, trust, answers)?;
        // Nobody else has it yet.
        if let Some(inner) = Arc::get_mut(&mut limiter.0) {
            inner.fleet = Some(Fleet::new(secret));
        }
        Ok(limiter)
    }

    /// Names and arithmetic of the limits, in order.
    pub(crate) fn policies(&self) -> impl Iterator<Item = (&'static str, Gcra)> {
        let policies = self.0.policies.iter();
        policies.map(|policy| (policy.name, policy.rate.gcra()))
    }

    /// Has somebody begin with the keys of a request, which is given back as it was.
    pub(crate) fn with_keys<B, T>(
        &self,
        request: &mut Request<B>,
        begin: impl FnOnce(Keys, &Names<'_>) -> T,
    ) -> T {
        self.with_subject(request, |subject| {
            let limiter = &*self.0;
            let mut keys = Keys([None; MAX_LIMITS]);
            for (place, policy) in keys.0.iter_mut().zip(&limiter.policies) {
                *place = subject.key(policy, limiter).map(|found| Named {
                    found,
                    policy: policy.name,
                    key: None,
                });
            }
            begin(keys, &Names { subject, limiter })
        })
    }

    /// Counts what was decided elsewhere and puts it together.
    pub(crate) fn tell(
        &self,
        keys: &Keys,
        decisions: &[Option<Decision>; MAX_LIMITS],
        mode: Mode,
    ) -> Answer {
        let said = |at: usize| {
            let (named, decision) = (keys.0[at]?, decisions[at]?);
            Some(Said::of(decision, &named.found))
        };
        let all: [Option<Said>; MAX_LIMITS] = std::array::from_fn(said);
        let mut field = Field::default();
        let mut telling = Telling::new(mode, &self.0.answers);
        telling.denied = all.iter().flatten().any(Said::denies);
        let found = keys.0.map(|named| named.map(|named| named.found));
        let now = self.0.clock.now();
        for ((policy, said), found) in self.0.policies.iter().zip(&all).zip(&found) {
            telling.tell(policy, said.as_ref(), &mut field);
            if let (Some(found), Some(said)) = (found, said) {
                policy.note(found, said, now, telling.denied);
            }
        }
        // What nobody decided is told to nobody.
        let told =
            |(found, said): (&Option<Found>, &Option<Said>)| found.filter(|_| said.is_some());
        let pairs = || found.iter().zip(&all).map(told);
        telling.done(&field, || self.0.policies.iter().zip(pairs()))
    }

    /// Decides by this process's own share of a limit.
    pub(crate) fn decide_share(&self, asked: &Asked, share: Gcra) -> Decision {
        let cost = asked.cost.min(share.burst());
        let store = &self.0.policies[asked.at].store;
        store.decide(asked.id, share, cost, self.0.clock.now())
    }

    /// Gives back what the share took.
    pub(crate) fn refund_share(&self, asked: &Asked, share: Gcra) {
        let cost = asked.cost.min(share.burst());
        let store = &self.0.policies[asked.at].store;
        store.refund(asked.id, share, cost, self.0.clock.now());
    }

    fn with_subject<B, T>(
        &self,
        request: &mut Request<B>,
        ask: impl FnOnce(&Subject<'_>) -> T,
    ) -> T {
        if !self.0.needs_parts {
            let (headers, extensions) = (request.headers(), request.extensions());
            let client = current::with(|record| record.client).flatten();
            return ask(&Subject::told(headers, extensions, client, &self.0));
        }
        let mut parts = Request::new(()).into_parts().0;
        exchange(&mut parts, request);
        let told = ask(&Subject::of(&parts, &self.0));
        exchange(&mut parts, request);
        told
    }
}
