//! What the parts count, on the metrics page.

mod fleet;
mod health;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_core::names::{self, label};
use plimsoll_errors::layer::Counts;
use plimsoll_telemetry::metrics::Page;

use crate::Plimsoll;

/// Why a connection ended before a request reached the layer, or broke.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reason {
    /// What was sent is no HTTP: answered 400 by the server.
    Parse,
    /// Headers over the server's bounds: answered 431 or 414.
    TooLarge,
    /// The client left in the middle of a message.
    Incomplete,
    /// No complete head in time.
    Timeout,
    /// The connection could not be accepted.
    Accept,
    /// More connections than a service may have.
    Limit,
    /// Everything else.
    Other,
}

const REASONS: [(Reason, &str); 7] = [
    (Reason::Parse, "parse"),
    (Reason::TooLarge, "too_large"),
    (Reason::Incomplete, "incomplete"),
    (Reason::Timeout, "timeout"),
    (Reason::Accept, "accept"),
    (Reason::Limit, "limit"),
    (Reason::Other, "other"),
];

/// Counts per [`Reason`].
#[derive(Debug, Default)]
pub(crate) struct Connections([AtomicU64; REASONS.len()]);

impl Connections {
    pub(crate) fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Adds the families of limits, health, modes and connections to every page.
pub(crate) fn register(plimsoll: &Plimsoll) {
    // Weak: the telemetry that holds this closure is held by `plimsoll`.
    let shared = Arc::downgrade(&plimsoll.0);
    plimsoll.telemetry().collect(move |page| {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if let Some(runtime) = shared.runtime.get() {
            crate::runtime::write(page, runtime);
            page.family(
                names::RUNTIME_STALL,
                "gauge",
                "Seconds for which a worker has been blocked.",
            );
            let stall = shared.health.stall().as_secs_f64();
            page.sample(names::RUNTIME_STALL, &[], stall);
        }
        crate::limits::collect(page, &shared);
        if let Some(fleet) = &shared.fleet {
            fleet::write(page, fleet);
        }
        page.family(
            names::CONCURRENCY_IN_USE,
            "gauge",
            "Permits of the concurrency limit in use.",
        );
        page.sample(names::CONCURRENCY_IN_USE, &[], shared.concurrency.in_use());
        crate::overload::write(page, &shared.concurrency);
        crate::overload::write_pressure(page, &shared.concurrency, &shared.watch);
        crate::overload::write_pacing(page, &shared.paced);
        page.family(
            names::ROLLOUT,
            "counter",
            "What the parts did (enforce) or would have done (observe).",
        );
        for row in shared.rollout.counts() {
            let labels = [
                (label::PART, row.part.as_str()),
                (label::MODE, row.mode),
                (label::ROUTE, row.route),
            ];
            page.sample(names::ROLLOUT, &labels, row.count);
        }
        page.family(
            names::CONNECTION_ERRORS,
            "counter",
            "Connections that failed outside any request.",
        );
        for (reason, text) in REASONS {
            let count = shared.connections.0[reason as usize].load(Ordering::Relaxed);
            page.sample(names::CONNECTION_ERRORS, &[(label::REASON, text)], count);
        }
        errors(page, shared.errors.counts());
        health::write(page, &shared.health);
    });
}

/// What the shape of failures did not reach.
fn errors(page: &mut Page, counts: &Counts) {
    page.family(
        names::UNSHAPED,
        "counter",
        "Failures of foreign layers that kept their own body.",
    );
    for (reason, count) in counts.left() {
        page.sample(names::UNSHAPED, &[(label::REASON, reason)], count);
    }
    page.family(
        names::MAPPER_PANICS,
        "counter",
        "Panics of the mapper of failures; our shape went out instead.",
    );
    page.sample(names::MAPPER_PANICS, &[], counts.mapper_panics());
}
