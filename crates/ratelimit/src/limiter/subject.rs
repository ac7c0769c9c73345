//! Whom a request is counted for.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName};
use plimsoll_core::current;
use plimsoll_core::peer::{self, PeerAddr};

use super::{Inner, Policy};
use crate::limit::Source;
use crate::store::Id;

/// A request as the limits see it.
pub(super) struct Subject<'a> {
    headers: &'a HeaderMap,
    /// The whole head, for closures that find keys.
    parts: Option<&'a Parts>,
    client: Option<IpAddr>,
    /// The peer looks like a proxy, and nobody named one: its address stands
    /// for all clients at once.
    unnamed_proxy: bool,
}

/// The key of a request for one policy.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) id: Id,
    pub(super) unnamed_proxy: bool,
}

impl<'a> Subject<'a> {
    pub(super) fn of(parts: &'a Parts, limiter: &Inner) -> Self {
        Self {
            parts: Some(parts),
            ..Self::told(&parts.headers, &parts.extensions, limiter)
        }
    }

    /// By headers and extensions: all that limits without a closure look at.
    pub(super) fn told(headers: &'a HeaderMap, extensions: &Extensions, limiter: &Inner) -> Self {
        let peer = extensions.get::<PeerAddr>().map(|peer| peer.0.ip());
        let recorded = current::with(|record| record.client).flatten();
        let seen = || peer.map(|peer| limiter.trust.client(peer, headers));
        let client = recorded.or_else(seen);
        let unnamed_proxy = limiter.trust.is_empty()
            && peer.or(client).is_some_and(peer::is_private)
            && is_forwarded(headers);
        Self {
            headers,
            parts: None,
            client: client.map(peer::limit_key),
            unnamed_proxy,
        }
    }

    /// The request's key for a policy; says so, once, when it can only be wrong.
    pub(super) fn key(&self, policy: &Policy, limiter: &Inner) -> Option<Found> {
        let own = |id| Found {
            id,
            unnamed_proxy: false,
        };
        match &policy.source {
            Source::Client => self.client_key(policy, limiter),
            Source::Header(name) => match self.headers.get(name) {
                Some(value) => Some(own(policy.store.id(value.as_bytes()))),
                None => self.client_key(policy, limiter),
            },
            Source::By(find) => {
                let key = self.parts.and_then(|parts| find(parts))?;
                Some(own(policy.store.id(&key)))
            }
        }
    }

    fn client_key(&self, policy: &Policy, limiter: &Inner) -> Option<Found> {
        let Some(client) = self.client else {
            if !limiter.warned_of_peer.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    policy = policy.name,
                    "no peer address is known, so clients cannot be counted; put a PeerAddr \
                     into the extensions of each request where connections are accepted"
                );
            }
            return None;
        };
        if self.unnamed_proxy && !limiter.warned_of_proxy.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                policy = policy.name,
                peer = %client,
                "a private address forwards requests for others and no proxy is trusted; \
                 this limit only observes its requests until the trusted proxies are named \
                 (as CIDRs, or `private`)"
            );
        }
        Some(Found {
            id: policy.store.id(&number(client)),
            unnamed_proxy: self.unnamed_proxy,
        })
    }
}

/// An address as one number, which hashes in one step. An IPv4 address is the
/// same client in its IPv6 form.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
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
