//! What burned the budget, by the service's own labels.

use std::collections::BTreeMap;
use std::fmt;

use plimsoll_core::names::{REQUESTS, label};
use plimsoll_core::outcome::Slo;
use plimsoll_slo::Exposition;
use serde::Serialize;

use crate::sample::Endpoint;

/// Bad requests of one route with one error code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct BadRow {
    /// Method and route.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// How they ended.
    pub outcome: String,
    /// Of the service's catalog; empty where the failure has none.
    pub error_code: String,
    /// Whose fault it was.
    pub blame: String,
    /// How many.
    pub count: u64,
}

/// As in `GET /v1/cards/{id} fault CARD-9001 (server): 17`.
impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            outcome,
            error_code,
            blame,
            count,
        } = self;
        let space = if error_code.is_empty() { "" } else { " " };
        write!(
            f,
            "{endpoint} {outcome}{space}{error_code} ({blame}): {count}"
        )
    }
}

/// What the service counted as bad between two scrapes, most first.
///
/// ```
/// use plimsoll_loadtest::report::bad_between;
/// use plimsoll_slo::Exposition;
/// let page = |count| Exposition::parse(&format!(
///     "plimsoll_requests_total{{http_request_method=\"GET\",http_route=\"/\",outcome=\"panic\",slo=\"bad\"}} {count}"
/// )).unwrap();
/// assert_eq!(bad_between(&page(2), &page(5))[0].count, 3);
/// assert!(bad_between(&page(2), &page(2)).is_empty());
/// ```
pub fn between(before: &Exposition, after: &Exposition) -> Vec<BadRow> {
    let before: BTreeMap<_, f64> = before.series(REQUESTS).collect();
    let bad = after.series(REQUESTS).filter(|(labels, _)| {
        let slo = labels.get(label::SLO);
        slo.is_some_and(|slo| slo == Slo::Bad.as_str())
    });
    let mut rows: Vec<BadRow> = bad
        .filter_map(|(labels, count)| {
            let count = count - before.get(labels).copied().unwrap_or(0.0);
            let of = |name: &str| labels.get(name).cloned().unwrap_or_default();
            (count >= 1.0).then(|| BadRow {
                endpoint: Endpoint::new(of(label::METHOD), of(label::ROUTE)),
                outcome: of(label::OUTCOME),
                error_code: of(label::ERROR_CODE),
                blame: of(label::BLAME),
                count: count.round() as u64,
            })
        })
        .collect();
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cmp(b)));
    rows
}
