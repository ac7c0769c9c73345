//! How critical a request is.

use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri};
use plimsoll_core::names::value;
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_core::{Criticality, current};

use super::{Overload, OverloadError};

/// The head of a request, for code that says how critical it is.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// What is asked for.
    pub uri: &'a Uri,
    /// The headers, as sent: whoever sent them may be anybody.
    pub headers: &'a HeaderMap,
    /// What layers outside have found.
    pub extensions: &'a Extensions,
}

/// What is known of a request by its record, or without one by its connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived {
    pub(super) route: &'static str,
    pub(super) trusted: bool,
    /// Clock reading at the call.
    pub(super) started: Option<u64>,
}

pub(super) type Find = Arc<dyn Fn(&Head<'_>) -> Option<Criticality> + Send + Sync>;

/// Finds the level of requests.
#[derive(Clone)]
pub(crate) struct Classes {
    /// Sorted by route.
    routes: Vec<(String, Criticality)>,
    find: Option<Find>,
    header: Option<HeaderName>,
    trust: Trust,
    otherwise: Criticality,
}

impl Classes {
    pub(super) fn of(overload: &Overload) -> Result<Self, OverloadError> {
        let header = overload.header.name()?;
        let mut routes = overload.routes.clone();
        routes.sort();
        if let Some(twice) = routes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(OverloadError::Twice(twice[0].0.clone()));
        }
        Ok(Self {
            routes,
            find: overload.find.clone(),
            header,
            trust: overload.trust.clone(),
            otherwise: overload.otherwise,
        })
    }

    /// The level: what code says, else a trusted caller, else the route's, else
    /// the one of all others. Noted on the record, if there is one.
    pub(crate) fn level<B>(&self, request: &Request<B>, arrived: &Arrived) -> Criticality {
        let told = self
            .by_code(request)
            .or_else(|| self.by_caller(request.headers(), arrived.trusted))
            .or_else(|| self.by_route(arrived.route));
        let level = told.unwrap_or(self.otherwise);
        current::with(|record| record.criticality = Some(level));
        level
    }

    /// What is known of a request before its head is looked at.
    pub(crate) fn arrived(&self, extensions: &Extensions) -> Arrived {
        let recorded = current::with(|record| Arrived {
            route: record.route,
            trusted: record.trusted,
            started: Some(record.started),
        });
        recorded.unwrap_or_else(|| Arrived {
            route: value::UNMATCHED,
            trusted: self.trusts(extensions),
            started: None,
        })
    }

    fn trusts(&self, extensions: &Extensions) -> bool {
        let peer = extensions.get::<PeerAddr>();
        peer.is_some_and(|peer| self.trust.includes(peer.0.ip()))
    }

    fn by_code<B>(&self, request: &Request<B>) -> Option<Criticality> {
        if let Some(level) = request.extensions().get() {
            return Some(*level);
        }
        self.find.as_ref()?(&Head {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        })
    }

    fn by_caller(&self, headers: &HeaderMap, trusted: bool) -> Option<Criticality> {
        let header = self.header.as_ref().filter(|_| trusted)?;
        headers.get(header)?.to_str().ok()?.parse().ok()
    }

    fn by_route(&self, route: &str) -> Option<Criticality> {
        let found = self
            .routes
            .binary_search_by(|(known, _)| (**known).cmp(route));
        found.ok().map(|at| self.routes[at].1)
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classes")
            .field("routes", &self.routes)
            .field("header", &self.header)
            .field("otherwise", &self.otherwise)
            .finish_non_exhaustive()
    }
}
