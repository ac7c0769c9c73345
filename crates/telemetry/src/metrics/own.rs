//! The families about Plimsoll itself.

use std::time::{SystemTime, UNIX_EPOCH};

use plimsoll_core::names::{self, label};

use super::page::Page;
use crate::exports::Outlet;
use crate::ledger::Balance;

const QUEUE_HELP: &str = "What waits in the queue: bytes of log lines, spans, Sentry events.";

pub(crate) fn write(
    page: &mut Page,
    service: &str,
    born: SystemTime,
    balances: &[(&'static str, Balance)],
    outlets: &[Outlet],
) {
    page.family(
        names::BUILD_INFO,
        "info",
        "Version of the library and of its contract of names.",
    );
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("contract", names::CONTRACT),
    ];
    page.sample(names::BUILD_INFO, &build, 1);
    page.family(names::TARGET_INFO, "info", "The service.");
    page.sample(names::TARGET_INFO, &[(label::SERVICE_NAME, service)], 1);
    page.family(
        names::PROCESS_START,
        "gauge",
        "Start of the process, seconds since the Unix epoch.",
    );
    let start = born.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.sample(names::PROCESS_START, &[], start.as_secs_f64());
    super::process::write(page);

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
    write_outlets(page, outlets);
}

fn write_outlets(page: &mut Page, outlets: &[Outlet]) {
    page.family(names::TELEMETRY_QUEUE_DEPTH, "gauge", QUEUE_HELP);
    for outlet in outlets {
        let labels = [(label::SIGNAL, outlet.signal)];
        page.sample(names::TELEMETRY_QUEUE_DEPTH, &labels, outlet.queue.depth);
    }
    page.family(
        names::TELEMETRY_QUEUE_CAPACITY,
        "gauge",
        "What may wait in the queue.",
    );
    for outlet in outlets {
        let labels = [(label::SIGNAL, outlet.signal)];
        page.sample(
            names::TELEMETRY_QUEUE_CAPACITY,
            &labels,
            outlet.queue.capacity,
        );
    }
    page.family(
        names::TELEMETRY_BYTES,
        "counter",
        "Bytes handed to the sinks, as they went out.",
    );
    for outlet in outlets {
        let labels = [(label::SIGNAL, outlet.signal)];
        page.sample(names::TELEMETRY_BYTES, &labels, outlet.bytes);
    }
    page.family(
        names::TELEMETRY_EXPORTS,
        "counter",
        "Writes of lines, exports of spans and events.",
    );
    for outlet in outlets {
        for (result, count) in [("success", outlet.succeeded), ("failure", outlet.failed)] {
            let labels = [(label::SIGNAL, outlet.signal), (label::RESULT, result)];
            page.sample(names::TELEMETRY_EXPORTS, &labels, count);
        }
    }
    page.family(
        names::TELEMETRY_EXPORT_SECONDS,
        "counter",
        "Seconds spent in them.",
    );
    for outlet in outlets {
        let labels = [(label::SIGNAL, outlet.signal)];
        let seconds = outlet.took.as_secs_f64();
        page.sample(names::TELEMETRY_EXPORT_SECONDS, &labels, seconds);
    }
    page.family(
        names::TELEMETRY_LAST_EXPORT,
        "gauge",
        "Seconds the last of them took.",
    );
    for outlet in outlets {
        let labels = [(label::SIGNAL, outlet.signal)];
        let seconds = outlet.last_took.as_secs_f64();
        page.sample(names::TELEMETRY_LAST_EXPORT, &labels, seconds);
    }
    page.family(
        names::TELEMETRY_LAST_SUCCESS,
        "gauge",
        "Seconds since the last success, or since the start while there is none.",
    );
    for outlet in outlets {
        let labels = [(label::SIGNAL, outlet.signal)];
        let age = outlet.last_success.unwrap_or(outlet.age);
        page.sample(names::TELEMETRY_LAST_SUCCESS, &labels, age.as_secs_f64());
    }
    page.family(
        names::TELEMETRY_FAILURES,
        "gauge",
        "Failures since the last success.",
    );
    for outlet in outlets {
        let labels = [(label::SIGNAL, outlet.signal)];
        page.sample(names::TELEMETRY_FAILURES, &labels, outlet.failed_in_a_row);
    }
}
