//! What the concurrency limit sheds, on the metrics page.

use plimsoll_core::Criticality;
use plimsoll_core::names::{self, label};
use plimsoll_ratelimit::ConcurrencyLimit;
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
