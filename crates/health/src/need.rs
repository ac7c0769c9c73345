//! Routes that cannot answer without a dependency, while others can.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Part, Refusal, Rollout, current, intern};

/// Most checks that routes can need: one bit each.
pub(crate) const MAX_NEEDS: usize = 64;

/// Which routes need which check, and which of the checks fail.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    rows: Vec<Row>,
    /// A bit for each row whose check fails.
    failing: AtomicU64,
}

#[derive(Debug)]
struct Row {
    check: &'static str,
    patterns: Vec<String>,
}

impl Needs {
    /// Takes a check with its patterns; says its row, if there is room.
    pub(crate) fn add(&mut self, check: &str, patterns: Vec<String>) -> Option<usize> {
        let row = self.rows.len();
        if row >= MAX_NEEDS {
            return None;
        }
        let check = intern::intern(check);
        self.rows.push(Row { check, patterns });
        Some(row)
    }

    pub(crate) fn set(&self, row: usize, fails: bool) {
        let bit = 1 << row;
        if fails {
            self.failing.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.failing.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// The failing check that a route needs.
    fn unmet(&self, route: &str) -> Option<&'static str> {
        let failing = self.failing.load(Ordering::Relaxed);
        let fails = |row: usize| failing & 1 << row != 0;
        let mut rows = self.rows.iter().enumerate();
        let needs = |row: &Row| row.patterns.iter().any(|pattern| fits(pattern, route));
        let found = rows.find(|(at, row)| fails(*at) && needs(row));
        found.map(|(_, row)| row.check)
    }
}

/// A pattern is a route's template, or the beginning of templates before a `*`.
fn fits(pattern: &str, route: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => route.starts_with(beginning),
        None => pattern == route,
    }
}

/// Refuses requests of routes that need a check which fails. It knows the route
/// by the request's record, so it stands within an observing layer.
#[derive(Debug, Clone)]
pub struct NeedGate {
    pub(crate) needs: Arc<Needs>,
    pub(crate) rollout: Rollout,
}

impl NeedGate {
    /// Follows the mode of [`Part::Need`] there.
    #[must_use]
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }
}

impl Gate for NeedGate {
    type Pass = ();

    fn admit<B>(&self, _: &mut Request<B>) -> Result<(), Refused<()>> {
        if self.needs.failing.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let route = current::with(|record| record.route).unwrap_or(value::UNMATCHED);
        match self.needs.unmet(route) {
            Some(check) if self.rollout.acts(Part::Need, route) => Err(Refused {
                refusal: Refusal::Unmet { check },
                pass: (),
            }),
            _ => Ok(()),
        }
    }

    fn answer<B>(&self, (): (), _: &mut Response<B>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_refused_only_while_a_check_that_it_needs_fails() {
        let mut needs = Needs::default();
        let patterns = |of: &[&str]| of.iter().map(|text| (*text).into()).collect();
        let bank = needs
            .add("bank", patterns(&["/v1/transactions", "/v1/pay/*"]))
            .unwrap();
        let mail = needs
            .add("mail", patterns(&["/v1/pay/{id}/receipt"]))
            .unwrap();
        assert_eq!(needs.unmet("/v1/transactions"), None);
        needs.set(bank, true);
        needs.set(mail, true);
        for (route, unmet) in [
            ("/v1/transactions", Some("bank")),
            ("/v1/transactions/{id}", None),
            ("/v1/pay/{id}/receipt", Some("bank")),
            ("/v1/cards/{id}", None),
        ] {
            assert_eq!(needs.unmet(route), unmet, "{route}");
        }
        needs.set(bank, false);
        assert_eq!(needs.unmet("/v1/pay/{id}/receipt"), Some("mail"));
    }
}
