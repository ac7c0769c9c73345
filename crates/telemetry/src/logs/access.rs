//! The canonical line of a request.
//!
//! What depends only on the labels of a request is written once, when its row
//! is made, and copied from there; the rest is written without formatting
//! machinery.

use plimsoll_core::names::{key, value};
use plimsoll_core::outcome::{Blame, Outcome};
use plimsoll_core::record::{Grpc, Record};

use super::json::key;
use super::stamp::stamp;
use super::style::Style;
use super::write::{Escaped, address, escape, integer, millis, quote};
use super::{Format, pretty};

/// Target of the request's own line.
pub const TARGET: &str = "plimsoll::access";

/// Text of the request's own line.
pub(super) const MESSAGE: &str = "request";

/// Bytes of a path that are logged.
const PATH_MAX: usize = 256;

/// Bytes of a cause that are logged: a panic's message can be of any length.
pub(crate) const CAUSE_MAX: usize = 4_096;

/// The level of a request's line, by whose fault it was.
pub(crate) fn level(record: &Record) -> tracing::Level {
    match (record.outcome, record.blame) {
        (_, Some(Blame::Server)) => tracing::Level::ERROR,
        (_, Some(Blame::Dependency | Blame::Capacity)) | (Some(Outcome::Refused), _) => {
            tracing::Level::WARN
        }
        _ => tracing::Level::INFO,
    }
}

/// The parts of a line that all requests with the same labels share.
#[derive(Debug)]
pub(crate) struct Constants {
    /// From behind the time to the trace id.
    lead: Box<[u8]>,
    /// From behind the request id to the path.
    route: Box<[u8]>,
    /// From behind the path to what only this request has.
    labels: Box<[u8]>,
}

impl Constants {
    /// The parts of the line of this record.
    pub(crate) fn of(style: &Style, record: &Record) -> Self {
        let mut lead = b"\"".to_vec();
        text(&mut lead, key!(key::LEVEL), level(record).as_str());
        text(&mut lead, key!(key::TARGET), TARGET);
        text(&mut lead, key!(key::MESSAGE), MESSAGE);
        lead.extend_from_slice(&style.service_json);
        lead.extend_from_slice(key!(key::TRACE_ID));
        lead.push(b'"');
        let mut route = b"\"".to_vec();
        text(&mut route, key!(key::METHOD), record.method);
        text(&mut route, key!(key::ROUTE), record.route);
        route.extend_from_slice(key!(key::PATH));
        route.push(b'"');
        let mut labels = b"\"".to_vec();
        labels.extend_from_slice(key!(key::STATUS));
        integer(&mut labels, record.status.into());
        let outcome = record.outcome.map_or(value::OTHER, Outcome::as_str);
        text(&mut labels, key!(key::OUTCOME), outcome);
        maybe(&mut labels, key!(key::CODE), record.code);
        let blame = record.blame.map(Blame::as_str);
        maybe(&mut labels, key!(key::BLAME), blame);
        let slo = record.slo.map(plimsoll_core::Slo::as_str);
        maybe(&mut labels, key!(key::SLO), slo);
        Self {
            lead: lead.into(),
            route: route.into(),
            labels: labels.into(),
        }
    }
}

/// Appends the line of a finished record. Without constants they are made for
/// this line alone.
pub(crate) fn write(
    out: &mut Vec<u8>,
    style: &Style,
    constants: Option<&Constants>,
    record: &Record,
) {
    match (style.format, constants) {
        (Format::Pretty, _) => pretty::request(out, style, record),
        (Format::Json, Some(constants)) => json(out, style, constants, record),
        (Format::Json, None) => json(out, style, &Constants::of(style, record), record),
    }
}

fn json(out: &mut Vec<u8>, style: &Style, constants: &Constants, record: &Record) {
    out.extend_from_slice(b"{\"time\":\"");
    out.extend_from_slice(&stamp(&style.clock, record.ended));
    out.extend_from_slice(&constants.lead);
    out.extend_from_slice(&record.ids.trace_id.digits());
    out.push(b'"');
    out.extend_from_slice(key!(key::SPAN_ID));
    out.push(b'"');
    out.extend_from_slice(&record.ids.span_id.digits());
    out.push(b'"');
    out.extend_from_slice(key!(key::REQUEST_ID));
    out.push(b'"');
    out.extend_from_slice(record.ids.request_id.as_str().as_bytes());
    out.extend_from_slice(&constants.route);
    bounded(out, &record.path, PATH_MAX);
    out.extend_from_slice(&constants.labels);
    out.extend_from_slice(style.sample.weight_json(record));
    if let Some(status) = record.grpc_status {
        grpc(out, record, status);
    }
    maybe(out, key!(key::REF), record.reference.as_deref());
    if let Some(cause) = &record.cause {
        out.extend_from_slice(key!(key::CAUSE));
        out.push(b'"');
        bounded(out, cause, CAUSE_MAX);
        out.push(b'"');
    }
    let keep = record.keep.map(plimsoll_core::Keep::as_str);
    maybe(out, key!(key::KEEP), keep);
    out.extend_from_slice(key!(key::DURATION_MS));
    millis(out, record.duration());
    out.extend_from_slice(key!(key::HEAD_MS));
    millis(out, record.time_to_head());
    out.extend_from_slice(key!(key::BYTES_IN));
    integer(out, record.bytes_in);
    out.extend_from_slice(key!(key::BYTES_OUT));
    integer(out, record.bytes_out);
    out.extend_from_slice(key!(key::IN_FLIGHT));
    integer(out, record.in_flight);
    if record.calls.begun > 0 {
        out.extend_from_slice(key!(key::CALLS));
        integer(out, record.calls.begun.into());
        out.extend_from_slice(key!(key::CALLS_FAILED));
        integer(out, record.calls.failed.into());
        out.extend_from_slice(key!(key::CALLS_MS));
        millis(out, record.calls.nanos(record.ended));
    }
    out.extend_from_slice(key!(key::SAMPLED));
    out.extend_from_slice(if record.ids.sampled {
        b"true"
    } else {
        b"false"
    });
    word(out, key!(key::AGENT), record.agent.as_str());
    if let Some(client) = record.client {
        out.extend_from_slice(key!(key::CLIENT));
        out.push(b'"');
        address(out, client);
        out.push(b'"');
    }
    if let Some(decided) = &record.decision {
        text(out, key!(key::LIMIT), decided.policy);
        word(out, key!(key::DECISION), decided.decision);
        if let Some(wait) = decided.retry_after {
            out.extend_from_slice(key!(key::RETRY_AFTER_MS));
            integer(out, u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        }
    }
    if let Some(level) = record.criticality {
        word(out, key!(key::CRITICALITY), level.as_str());
    }
    for shown in &record.shown {
        out.extend_from_slice(b",");
        quote(out, shown.key);
        out.push(b':');
        quote(out, &shown.value);
    }
    if let Some(link) = record.link {
        out.extend_from_slice(key!(key::LINKED_TRACE_ID));
        out.push(b'"');
        out.extend_from_slice(&link.trace_id.digits());
        out.push(b'"');
    }
    out.extend_from_slice(b"}\n");
}

fn grpc(out: &mut Vec<u8>, record: &Record, status: u16) {
    let (service, method) = rpc_names(record);
    text(out, key!(key::RPC_SERVICE), service);
    text(out, key!(key::RPC_METHOD), method);
    out.extend_from_slice(key!(key::GRPC_STATUS));
    integer(out, status.into());
    if let Some(Grpc { timeout, sent }) = record.grpc.as_deref() {
        if let Some(timeout) = timeout {
            out.extend_from_slice(key!(key::GRPC_TIMEOUT_MS));
            millis(out, *timeout);
        }
        if let Some(sent) = sent.count() {
            out.extend_from_slice(key!(key::GRPC_SENT));
            integer(out, sent);
        }
    }
}

/// Service and method of a gRPC call whose method exists: only then does its
/// route name it.
pub(super) fn rpc_names(record: &Record) -> (&str, &str) {
    let known = (record.route.strip_prefix('/')).and_then(|route| route.split_once('/'));
    known
        .filter(|(_, method)| !method.contains(['/', '{']))
        .unwrap_or((value::OTHER, value::OTHER))
}

fn text(out: &mut Vec<u8>, key: &[u8], value: &str) {
    out.extend_from_slice(key);
    quote(out, value);
}

/// A word of a closed vocabulary of ours: nothing in it has to be escaped.
fn word(out: &mut Vec<u8>, key: &[u8], value: &'static str) {
    out.extend_from_slice(key);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn maybe(out: &mut Vec<u8>, key: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        text(out, key, value);
    }
}

fn bounded(out: &mut Vec<u8>, value: &str, most: usize) {
    use std::fmt::Write as _;
    if value.len() <= most {
        escape(out, value);
        return;
    }
    let mut escaped = Escaped::new(out, most);
    let _ = escaped.write_str(value);
    escaped.end();
}

/// As much of a path as is worth keeping.
pub(crate) fn shortened(path: &str) -> &str {
    cut(path, PATH_MAX)
}

/// As much of a cause as is worth keeping.
pub(super) fn shortened_cause(cause: &str) -> &str {
    cut(cause, CAUSE_MAX)
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests;
