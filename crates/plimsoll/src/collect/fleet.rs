//! What limits that processes share count.

use plimsoll_core::names::{self, label};
use plimsoll_ratelimit::SharedLimiter;
use plimsoll_ratelimit::store::StoreError;
use plimsoll_telemetry::metrics::Page;

/// Adds the families of shared limits and their store.
pub(super) fn write(page: &mut Page, fleet: &SharedLimiter) {
    page.family(
        names::RATELIMIT_SOURCES,
        "counter",
        "Who decided the requests of the shared limits.",
    );
    for stat in fleet.sources() {
        let labels = [
            (label::POLICY, stat.policy),
            (label::SOURCE, stat.source.as_str()),
        ];
        page.sample(names::RATELIMIT_SOURCES, &labels, stat.count);
    }
    page.family(
        names::RATELIMIT_OVERSHOOT,
        "gauge",
        "Cells over its quota that all processes may admit of a limit.",
    );
    for bound in fleet.bounds() {
        let labels = [(label::POLICY, bound.policy)];
        page.sample(names::RATELIMIT_OVERSHOOT, &labels, bound.cells);
    }
    let stats = fleet.store_stats();
    let (debts, forgiven) = fleet.debts();
    for (name, kind, help, value) in [
        (
            names::RATELIMIT_STORE_UP,
            "gauge",
            "1 while the store of the shared limits is in order.",
            u64::from(fleet.is_up()) as f64,
        ),
        (
            names::RATELIMIT_STORE_NODES,
            "gauge",
            "Processes that share the store.",
            f64::from(fleet.nodes()),
        ),
        (
            names::RATELIMIT_STORE_TRIPS,
            "counter",
            "Round trips to the store.",
            stats.trips as f64,
        ),
        (
            names::RATELIMIT_STORE_SECONDS,
            "counter",
            "Seconds that round trips took.",
            stats.nanos as f64 / 1e9,
        ),
        (
            names::RATELIMIT_STORE_CALLS,
            "counter",
            "Steps that round trips carried.",
            stats.calls as f64,
        ),
        (
            names::RATELIMIT_STORE_PROBES,
            "counter",
            "Attempts to find the store in order.",
            stats.probes as f64,
        ),
        (
            names::RATELIMIT_DEBTS,
            "gauge",
            "Keys with cells that are still to be debited.",
            debts as f64,
        ),
        (
            names::RATELIMIT_DEBTS_FORGIVEN,
            "counter",
            "Cells that will not be debited, for want of room.",
            forgiven as f64,
        ),
    ] {
        page.family(name, kind, help);
        page.sample(name, &[], value);
    }
    page.family(
        names::RATELIMIT_REFUNDS,
        "counter",
        "Cells that requests took which did not pass after all.",
    );
    let refunds = fleet.refunds();
    for (result, count) in [("given", refunds.given), ("lost", refunds.lost)] {
        let labels = [(label::RESULT, result)];
        page.sample(names::RATELIMIT_REFUNDS, &labels, count);
    }
    page.family(
        names::RATELIMIT_STORE_FAILURES,
        "counter",
        "Steps without an answer.",
    );
    for reason in StoreError::ALL {
        let labels = [(label::REASON, reason.as_str())];
        let count = stats.failures[reason.index()];
        page.sample(names::RATELIMIT_STORE_FAILURES, &labels, count);
    }
}
