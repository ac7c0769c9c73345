//! Routes of gRPC services: the path is the method, once it is known to exist.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use plimsoll_core::Outcome;
use plimsoll_core::intern;
use plimsoll_core::names::value;
use plimsoll_core::record::Record;

/// Most methods known by name.
const MAX: usize = 500;

/// Longest path that can be a method's.
const MAX_LEN: usize = 256;

/// Methods that exist: named before, or answered as only a method answers. A
/// scanner's path is answered UNIMPLEMENTED, or refused by an interceptor, and
/// so never becomes a label.
#[derive(Debug, Default)]
pub(crate) struct GrpcRoutes(RwLock<HashSet<&'static str>>);

impl GrpcRoutes {
    /// Gives a gRPC request without a template of its own the name of its
    /// method: tonic's router knows only `/{service}/{*rest}`.
    pub(crate) fn name(&self, record: &mut Record) {
        let Some(status) = record.grpc_status else {
            return;
        };
        if record.route != value::UNMATCHED && !record.route.ends_with("{*rest}") {
            return;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(method) = known.get(record.path.as_str()) {
            record.route = method;
            return;
        }
        let room = known.len() < MAX && record.path.len() <= MAX_LEN;
        drop(known);
        if room && answered(status, record.outcome) {
            record.route = intern::intern(&record.path);
            self.expect(record.route);
        }
    }

    /// Says that a method exists, so that its first request has its name
    /// however it ends.
    pub(crate) fn expect(&self, method: &'static str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX {
            known.insert(method);
        }
    }
}

/// Whether only a method gives this answer. Not so those that something before
/// it gives: CANCELLED, UNKNOWN (no answer), DEADLINE_EXCEEDED, PERMISSION_DENIED,
/// RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED.
fn answered(status: u16, outcome: Option<Outcome>) -> bool {
    match status {
        0 | 3 | 5 | 6 | 9 | 10 | 11 | 15 => true,
        // INTERNAL: a panic's too, wherever it was.
        13 => outcome == Some(Outcome::Fault),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::record::fresh_ids;

    fn named(routes: &GrpcRoutes, path: &str, status: u16) -> &'static str {
        let mut record = Record::new(fresh_ids(false), 0);
        record.path = path.into();
        record.grpc_status = Some(status);
        routes.name(&mut record);
        record.route
    }

    #[test]
    fn only_a_method_that_exists_becomes_a_route() {
        let routes = GrpcRoutes::default();
        assert_eq!(named(&routes, "/pkg.Cards/Get", 16), value::UNMATCHED);
        assert_eq!(named(&routes, "/pkg.Cards/Get", 0), "/pkg.Cards/Get");
        assert_eq!(named(&routes, "/pkg.Cards/Get", 13), "/pkg.Cards/Get");
        assert_eq!(named(&routes, "/pkg.Cards/Find", 5), "/pkg.Cards/Find");
        assert_eq!(named(&routes, "/pkg.Cards/Pay", 13), value::UNMATCHED);
        routes.expect("/pkg.Cards/Pay");
        assert_eq!(named(&routes, "/pkg.Cards/Pay", 12), "/pkg.Cards/Pay");
        assert_eq!(named(&routes, &"/x".repeat(200), 0), value::UNMATCHED);
        for number in 0..2 * MAX {
            named(&routes, &format!("/pkg.Cards/M{number}"), 0);
        }
        assert_eq!(routes.0.read().unwrap().len(), MAX);
    }
}
