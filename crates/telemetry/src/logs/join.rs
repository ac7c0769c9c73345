//! The request's line as an event in the host's own subscriber and format.

use plimsoll_core::outcome::{Blame, Outcome};
use plimsoll_core::record::Record;
use plimsoll_core::{Criticality, Keep, Slo};
use tracing::Level;

use super::access::{self, rpc_names, shortened, shortened_cause};
use super::style::Style;

/// Says what the line says. What a request does not have is no field.
pub(crate) fn event(style: &Style, record: &Record) {
    let rpc = record.grpc_status.map(|_| rpc_names(record));
    let grpc = record.grpc.as_deref();
    let timeout = grpc.and_then(|grpc| grpc.timeout);
    let called = (record.calls.begun > 0).then_some(record.calls);
    let shown = (!record.shown.is_empty()).then(|| pairs(record));
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
                path = shortened(&record.path),
                status = u64::from(record.status),
                outcome = record.outcome.map(Outcome::as_str),
                code = record.code,
                blame = record.blame.map(Blame::as_str),
                slo = record.slo.map(Slo::as_str),
                weight = style.sample.weight(record),
                rpc_service = rpc.map(|(service, _)| service),
                rpc_method = rpc.map(|(_, method)| method),
                grpc_status = record.grpc_status.map(u64::from),
                grpc_timeout_ms = timeout.map(millis),
                grpc_sent = grpc.and_then(|grpc| grpc.sent.count()),
                r#ref = record.reference.as_deref(),
                cause = record.cause.as_deref().map(shortened_cause),
                keep = record.keep.map(Keep::as_str),
                duration_ms = millis(record.duration()),
                head_ms = millis(record.time_to_head()),
                bytes_in = record.bytes_in,
                bytes_out = record.bytes_out,
                in_flight = record.in_flight,
                calls = called.map(|calls| u64::from(calls.begun)),
                calls_failed = called.map(|calls| u64::from(calls.failed)),
                calls_ms = called.map(|calls| millis(calls.nanos(record.ended))),
                sampled = record.ids.sampled,
                agent = record.agent.as_str(),
                client = record.client.map(display),
                limit = record.decision.map(|decided| decided.policy),
                decision = record.decision.map(|decided| decided.decision),
                retry_after_ms = waits(record),
                criticality = record.criticality.map(Criticality::as_str),
                shown = shown.as_deref(),
                linked_trace_id = record.link.map(|link| display(link.trace_id)),
                "request"
            )
        };
    }
    match access::level(record) {
        Level::ERROR => at!(Level::ERROR),
        Level::WARN => at!(Level::WARN),
        _ => at!(Level::INFO),
    }
}

/// Headers and parameters that may be shown: the fields of a callsite are fixed.
fn pairs(record: &Record) -> String {
    let pairs = record.shown.iter();
    let pairs = pairs.map(|shown| format!("{}={}", shown.key, shown.value));
    pairs.collect::<Vec<_>>().join(" ")
}

/// Milliseconds that a refused client is told to wait.
fn waits(record: &Record) -> Option<u64> {
    let wait = record.decision?.retry_after?;
    u64::try_from(wait.as_millis()).ok()
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}
