//! The families about Plimsoll itself.

use std::time::{SystemTime, UNIX_EPOCH};

use plimsoll_core::names::{self, label};

use super::page::Page;
use crate::ledger::Balance;

pub(crate) fn write(
    page: &mut Page,
    service: &str,
    born: SystemTime,
    balances: &[(&'static str, Balance)],
) {
    page.family(
        names::BUILD_INFO,
        "gauge",
        "Version of the library and of its contract of names.",
    );
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("contract", names::CONTRACT),
    ];
    page.sample(names::BUILD_INFO, &build, 1);
    page.family(names::TARGET_INFO, "gauge", "The service.");
    page.sample(names::TARGET_INFO, &[(label::SERVICE_NAME, service)], 1);
    page.family(
        names::PROCESS_START,
        "gauge",
        "Start of the process, seconds since the Unix epoch.",
    );
    let start = born.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.sample(names::PROCESS_START, &[], start.as_secs_f64());

    page.family(
        names::TELEMETRY_PRODUCED,
        "counter",
        "Log lines and spans made.",
    );
    for (signal, balance) in balances {
        page.sample(
            names::TELEMETRY_PRODUCED,
            &[(label::SIGNAL, signal)],
            balance.produced,
        );
    }
    page.family(
        names::TELEMETRY_DELIVERED,
        "counter",
        "Of those, taken by their sink.",
    );
    for (signal, balance) in balances {
        page.sample(
            names::TELEMETRY_DELIVERED,
            &[(label::SIGNAL, signal)],
            balance.delivered,
        );
    }
    page.family(names::TELEMETRY_DROPPED, "counter", "Of those, lost.");
    for (signal, balance) in balances {
        for (index, reason) in crate::ledger::reasons() {
            let labels = [(label::SIGNAL, *signal), (label::REASON, reason.as_str())];
            page.sample(names::TELEMETRY_DROPPED, &labels, balance.dropped[index]);
        }
    }
    page.family(names::TELEMETRY_PENDING, "gauge", "Of those, still held.");
    for (signal, balance) in balances {
        page.sample(
            names::TELEMETRY_PENDING,
            &[(label::SIGNAL, signal)],
            balance.pending,
        );
    }
}
