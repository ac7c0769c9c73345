//! Whom a request is counted for, by which quota, and at which cost.

use std::net::IpAddr;

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName};
use plimsoll_core::peer::{self, PeerAddr};
use plimsoll_core::{Mode, current};

use super::{Inner, Label, Policy};
use crate::answers::PartitionKey;
use crate::findings::Finding;
use crate::gcra::Gcra;
use crate::limit::{FleetKey, Key, Part, Source};
use crate::quota::Quota;
use crate::store::Id;

/// A request as the limits see it.
pub(super) struct Subject<'a> {
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    /// The whole head, for closures that find keys.
    parts: Option<&'a Parts>,
    client: Option<IpAddr>,
    /// The peer looks like a proxy, and nobody named one: its address stands
    /// for all clients at once.
    unnamed_proxy: bool,
}

/// What a policy makes of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stance {
    /// The request is refused, if the whole part enforces.
    Enforces,
    /// Counted only: the policy's own mode.
    Observes,
    /// Counted only: the key would be a proxy nobody named.
    UnnamedProxy,
}

/// The key of a request for one policy, and what holds for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) id: Id,
    pub(super) gcra: Gcra,
    pub(super) cost: u32,
    pub(super) stance: Stance,
    /// The quota of the key's own plan.
    pub(super) plan: Option<Quota>,
    pub(super) partition: Option<PartitionKey>,
}

impl Found {
    /// Whether the key is told and decided as everybody's.
    #[inline]
    pub(super) fn is_usual(&self) -> bool {
        self.stance == Stance::Enforces && self.plan.is_none() && self.partition.is_none()
    }
}

/// What a source says, borrowed or owned.
enum Said<'a> {
    Part(Part<'a>),
    Key(Key),
}

impl Said<'_> {
    fn part(&self) -> Part<'_> {
        match self {
            Self::Part(part) => *part,
            Self::Key(key) => key.part(),
        }
    }
}

impl<'a> Subject<'a> {
    pub(super) fn of(parts: &'a Parts, limiter: &Inner) -> Self {
        let client = current::with(|record| record.client).flatten();
        Self {
            parts: Some(parts),
            ..Self::told(&parts.headers, &parts.extensions, client, limiter)
        }
    }

    /// By headers and extensions: all that limits without a closure look at; and
    /// by the client of the current record, if there is one.
    #[inline]
    pub(super) fn told(
        headers: &'a HeaderMap,
        extensions: &'a Extensions,
        recorded: Option<IpAddr>,
        limiter: &Inner,
    ) -> Self {
        let peer = || extensions.get::<PeerAddr>().map(|peer| peer.0.ip());
        let client = recorded.or_else(|| Some(limiter.trust.client(peer()?, headers)));
        // Whom the record counts is no proxy's address when somebody named the proxy.
        let unnamed_proxy = limiter.trust.is_empty()
            && client.is_some_and(peer::may_be_proxy)
            && is_forwarded(headers);
        Self {
            headers,
            extensions,
            parts: None,
            client: client.map(peer::canonical),
            unnamed_proxy,
        }
    }

    /// The request's key for a policy; says so, once, when it can only be wrong.
    /// A policy that is off has none.
    #[inline]
    pub(super) fn key(&self, policy: &Policy, limiter: &Inner) -> Option<Found> {
        let found = self.look(policy, limiter);
        if found.is_none() && policy.mode() != Mode::Off {
            policy.count(Label::NoKey);
        }
        found
    }

    /// The same, without a count.
    #[inline]
    pub(super) fn look(&self, policy: &Policy, limiter: &Inner) -> Option<Found> {
        let stance = match policy.mode() {
            Mode::Off => return None,
            Mode::Observe => Stance::Observes,
            Mode::Enforce => Stance::Enforces,
        };
        self.found(policy, limiter, stance)
    }

    #[inline]
    fn found(&self, policy: &Policy, limiter: &Inner, stance: Stance) -> Option<Found> {
        // What most limits are, in as few steps as can be.
        if let ([Source::Client(prefixes)], None) = (&*policy.sources, &policy.plans) {
            let client = prefixes.number(self.client(policy, limiter)?);
            return Some(Found {
                id: policy.store.identity().address(client),
                gcra: policy.rate.gcra(),
                cost: self.cost(policy),
                stance: self.stance(stance),
                plan: None,
                partition: limiter.partition(policy, || std::iter::once(Part::Address(client))),
            });
        }
        self.found_by_all(policy, limiter, stance)
    }

    #[inline(never)]
    fn found_by_all(&self, policy: &Policy, limiter: &Inner, stance: Stance) -> Option<Found> {
        let mut stance = stance;
        let mut said = Vec::with_capacity(policy.sources.len());
        for source in &policy.sources {
            let one = self.said(source, policy, limiter)?;
            if matches!(one, Said::Part(Part::Address(_))) {
                stance = self.stance(stance);
            }
            said.push(one);
        }
        let identity = policy.store.identity();
        let first = said.first()?.part();
        let id = match &*said {
            [_] => first.id(identity),
            several => identity.joined(several.iter().map(|one| one.part().id(identity))),
        };
        let own = policy.plans.as_ref().and_then(|plans| plans.of(first));
        Some(Found {
            id,
            gcra: own.map_or_else(|| policy.rate.gcra(), |(_, gcra)| gcra),
            cost: self.cost(policy),
            stance,
            plan: own.map(|(quota, _)| quota),
            partition: limiter.partition(policy, || said.iter().map(Said::part)),
        })
    }

    /// The request's key for a policy as all processes of a fleet name it. Asks
    /// the limit's own closures once more.
    pub(super) fn fleet_key(&self, policy: &Policy, limiter: &Inner) -> Option<FleetKey> {
        let mut fleet = limiter.fleet.clone()?;
        for source in &policy.sources {
            fleet.add(self.said(source, policy, limiter)?.part());
        }
        Some(fleet.key())
    }

    fn said(&self, source: &'a Source, policy: &Policy, limiter: &Inner) -> Option<Said<'a>> {
        let client = |prefixes: crate::limit::Prefixes| {
            let client = self.client(policy, limiter)?;
            Some(Said::Part(Part::Address(prefixes.number(client))))
        };
        match source {
            Source::Client(prefixes) => client(*prefixes),
            Source::Header(name) => match self.headers.get(name) {
                Some(value) => Some(Said::Part(Part::Text(value.as_bytes()))),
                None => client(crate::limit::Prefixes::USUAL),
            },
            Source::Route => {
                let route = current::with(|record| record.route);
                if route.is_none() {
                    limiter.findings.note(Finding::NoRoute, policy.name);
                }
                route.map(|route| Said::Part(Part::Text(route.as_bytes())))
            }
            Source::Identity(find) => find(self.extensions).map(Said::Key),
            Source::By(find) => self.parts.and_then(|parts| find(parts)).map(Said::Key),
        }
    }

    /// The address of the client, if it is known.
    fn client(&self, policy: &Policy, limiter: &Inner) -> Option<IpAddr> {
        if self.client.is_none() {
            limiter.findings.note(Finding::NoPeer, policy.name);
        } else if self.unnamed_proxy {
            limiter.findings.note(Finding::UnnamedProxy, policy.name);
        } else if !limiter.trust.is_empty() {
            limiter
                .findings
                .tell_flaws(limiter.trust.flaws(), policy.name);
        }
        self.client
    }

    const fn stance(&self, stance: Stance) -> Stance {
        match stance {
            Stance::Enforces if self.unnamed_proxy => Stance::UnnamedProxy,
            stance => stance,
        }
    }

    fn cost(&self, policy: &Policy) -> u32 {
        if policy.costs_the_same {
            return policy.cost.fixed;
        }
        policy.cost.of(self.parts)
    }

    /// Whether the client speaks for others without being believed.
    pub(super) fn forwards_unasked(&self, limiter: &Inner) -> bool {
        let peer = self.extensions.get::<PeerAddr>();
        let peer = peer.map(|peer| peer.0.ip()).or(self.client);
        peer.is_some_and(|peer| !limiter.trust.includes(peer)) && is_forwarded(self.headers)
    }
}

impl Inner {
    fn partition<'p, I: Iterator<Item = Part<'p>>>(
        &self,
        policy: &Policy,
        parts: impl FnOnce() -> I,
    ) -> Option<PartitionKey> {
        let partition = self.answers.partition.as_ref()?;
        Some(partition.key(policy.name, parts()))
    }
}

/// Whether a proxy says for whom it asks. One walk over the names costs less
/// than three look-ups.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .map(HeaderName::as_str)
        .any(|name| match name.len() {
            15 => name == "x-forwarded-for",
            9 => name == "forwarded" || name == "x-real-ip",
            _ => false,
        })
}
