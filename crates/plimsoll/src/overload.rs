//! What the concurrency limit sheds, and what happens to paced calls, on the metrics page.

use plimsoll_core::Criticality;
use plimsoll_core::names::{self, label};
use plimsoll_ratelimit::ConcurrencyLimit;
use plimsoll_ratelimit::client::{Counts, Event};
use plimsoll_ratelimit::overload::Watch;
use plimsoll_telemetry::metrics::Page;

pub(crate) fn write(page: &mut Page, limit: &ConcurrencyLimit) {
    page.family(
        names::CONCURRENCY_ROOM,
        "gauge",
        "A request of the level passes while fewer permits are taken.",
    );
    for level in Criticality::ALL {
        let labels = [(label::CRITICALITY, level.as_str())];
        page.sample(names::CONCURRENCY_ROOM, &labels, limit.room(level));
    }
    page.family(
        names::SHED,
        "counter",
        "Requests refused for lack of capacity (enforce), or that would have been (observe).",
    );
    for row in limit.sheds() {
        let labels = [
            (label::REASON, row.reason.as_str()),
            (label::CRITICALITY, row.criticality.as_str()),
            (label::MODE, row.mode.as_str()),
        ];
        page.sample(names::SHED, &labels, row.count);
    }
}

pub(crate) fn write_pressure(page: &mut Page, limit: &ConcurrencyLimit, watch: &Watch) {
    let pressure = limit.pressure();
    page.family(
        names::PRESSURE,
        "gauge",
        "How hard the process is pressed, 0 to 1; lower levels get fewer permits.",
    );
    for (resource, of) in [("memory", pressure.memory), ("runtime", pressure.runtime)] {
        page.sample(names::PRESSURE, &[(label::RESOURCE, resource)], of);
    }
    let readings = watch.readings();
    if let Some(share) = readings.memory {
        page.family(
            names::MEMORY_USED,
            "gauge",
            "Share of the memory limit in use, without idle file pages.",
        );
        page.sample(names::MEMORY_USED, &[], share);
    }
    page.family(
        names::RUNTIME_DELAY,
        "gauge",
        "Seconds by which the runtime comes late to what is due.",
    );
    page.sample(names::RUNTIME_DELAY, &[], readings.delay.as_secs_f64());
}

pub(crate) fn write_pacing(page: &mut Page, counts: &Counts) {
    page.family(
        names::CLIENT_PACING,
        "counter",
        "What happened to calls that keep to their servers' limits.",
    );
    for event in Event::ALL {
        let labels = [(label::RESULT, event.as_str())];
        page.sample(names::CLIENT_PACING, &labels, counts.of(event));
    }
}
