//! The request's line as an event in the host's own subscriber and format.

use plimsoll_core::Slo;
use plimsoll_core::outcome::{Blame, Outcome};
use plimsoll_core::record::Record;
use tracing::Level;

pub(crate) fn event(record: &Record) {
    // A level is part of the callsite, so there is one callsite for each.
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: "plimsoll::access",
                $level,
                trace_id = %record.ids.trace_id,
                span_id = %record.ids.span_id,
                request_id = record.ids.request_id.as_str(),
                method = record.method,
                route = record.route,
                status = u64::from(record.status),
                outcome = record.outcome.map(Outcome::as_str),
                code = record.code,
                blame = record.blame.map(Blame::as_str),
                slo = record.slo.map(Slo::as_str),
                reference = record.reference.as_deref(),
                cause = record.cause.as_deref(),
                duration_ms = record.duration() as f64 / 1e6,
                head_ms = record.time_to_head() as f64 / 1e6,
                bytes_out = record.bytes_out,
                "request"
            )
        };
    }
    match super::access::level(record) {
        Level::ERROR => at!(Level::ERROR),
        Level::WARN => at!(Level::WARN),
        _ => at!(Level::INFO),
    }
}
