//! From a finished record to the span of its request, on the exporting thread.
//!
//! Names by the HTTP semantic conventions (stable part, `http.server`) and the
//! RPC conventions for gRPC.

use std::borrow::Cow;
use std::net::IpAddr;

use http::Version;
use opentelemetry::trace::{Link, SpanKind, Status, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use plimsoll_core::Clock;
use plimsoll_core::names::value;
use plimsoll_core::outcome::Outcome;
use plimsoll_core::record::Record;

use super::context::Traced;
use super::settings::Limits;
use super::spans::{SCOPE, ids, remote};
use crate::logs::access;

/// About as many attributes as a span has.
pub(super) const ATTRIBUTES: usize = 16;

/// Makes spans.
#[derive(Debug)]
pub(super) struct Scribe {
    clock: Clock,
    limits: Limits,
    details: bool,
    scope: InstrumentationScope,
}

impl Scribe {
    pub(super) fn new(clock: Clock, limits: Limits, details: bool) -> Self {
        let scope = InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION"));
        Self {
            clock,
            limits,
            details,
            scope: scope.build(),
        }
    }

    /// The span of a finished record. One that was kept for its outcome keeps the
    /// flags that downstream saw: not sampled.
    pub(super) fn span(&self, record: &Record) -> SpanData {
        let none = Traced::default();
        let traced = Traced::seen(record).unwrap_or(&none);
        let mut attributes = at_start(record, traced);
        // Who asked is worth its price where there is something to look into.
        if self.details || record.outcome != Some(Outcome::Success) || record.keep.is_some() {
            who(record, traced, &mut attributes);
        }
        at_end(record, &mut attributes);
        if let (false, Some(keep)) = (record.ids.sampled, record.keep) {
            attributes.push(KeyValue::new("plimsoll.keep", keep.as_str()));
        }
        let most = self.limits.attributes as usize;
        let dropped = attributes.len().saturating_sub(most);
        attributes.truncate(most);
        let mut links = SpanLinks::default();
        if let Some(link) = record.link {
            let link = Link::with_context(remote(link, TraceState::NONE));
            links.links.push(link);
        }
        SpanData {
            span_context: ids(record, traced.trace_state.clone()),
            parent_span_id: record.parent.map_or(0, |parent| parent.span_id.0).into(),
            parent_span_is_remote: record.parent.is_some(),
            span_kind: SpanKind::Server,
            name: name(record),
            start_time: self.clock.wall(record.started),
            end_time: self.clock.wall(record.ended),
            attributes,
            dropped_attributes_count: dropped as u32,
            events: SpanEvents::default(),
            links,
            status: if failed(record) {
                Status::error("")
            } else {
                Status::Unset
            },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

impl Scribe {
    /// Holds a span of ours or of the application to the bounds on text; the
    /// SDK holds its spans to the others.
    pub(super) fn bound(&self, span: &mut SpanData) {
        let Some(most) = self.limits.text else {
            return;
        };
        let of_events = span.events.events.iter_mut().map(|it| &mut it.attributes);
        let of_links = span.links.links.iter_mut().map(|it| &mut it.attributes);
        let all = of_events.chain(of_links).chain([&mut span.attributes]);
        for pair in all.flatten() {
            if let Value::String(text) = &pair.value
                && let Some((at, _)) = text.as_str().char_indices().nth(most)
            {
                pair.value = text.as_str()[..at].to_owned().into();
            }
        }
    }
}

/// `{method} {route}`, never a path.
pub(super) fn name(record: &Record) -> Cow<'static, str> {
    let method = match record.method {
        value::OTHER => "HTTP",
        method => method,
    };
    match record.route {
        value::UNMATCHED => method.into(),
        route => [method, " ", route].concat().into(),
    }
}

/// What a sampler may look at.
pub(super) fn at_start(record: &Record, traced: &Traced) -> Vec<KeyValue> {
    let scheme = if traced.https { "https" } else { "http" };
    let mut attributes = Vec::with_capacity(ATTRIBUTES);
    attributes.push(KeyValue::new("http.request.method", record.method));
    attributes.push(KeyValue::new(
        "url.path",
        access::shortened(&record.path).to_owned(),
    ));
    attributes.push(KeyValue::new("url.scheme", scheme));
    if record.route != value::UNMATCHED {
        attributes.push(KeyValue::new("http.route", record.route));
    }
    if let Some(method) = &traced.method {
        let method = method.clone().into_string();
        attributes.push(KeyValue::new("http.request.method_original", method));
    }
    shown(record, &mut attributes);
    attributes
}

/// Who asked, and by which version of the protocol.
pub(super) fn who(record: &Record, traced: &Traced, attributes: &mut Vec<KeyValue>) {
    if let Some(client) = record.client {
        attributes.push(KeyValue::new("client.address", address(client)));
    }
    if !traced.user_agent.is_empty() {
        let agent = String::from_utf8_lossy(&traced.user_agent).into_owned();
        attributes.push(KeyValue::new("user_agent.original", agent));
    }
    if let Some(version) = version(traced.version) {
        attributes.push(KeyValue::new("network.protocol.version", version));
    }
}

/// Headers and parameters that may be shown, by the HTTP semantic conventions.
fn shown(record: &Record, attributes: &mut Vec<KeyValue>) {
    for shown in &record.shown {
        if let Some(name) = shown.header() {
            let lines = Array::String(vec![shown.value.to_string().into()]);
            let key = format!("http.request.header.{name}");
            attributes.push(KeyValue::new(key, Value::Array(lines)));
        }
    }
    let pairs = record.shown.iter().filter_map(|shown| {
        let name = shown.parameter()?;
        Some(format!("{name}={}", shown.value))
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    if !query.is_empty() {
        attributes.push(KeyValue::new("url.query", query));
    }
}

/// Digit by digit: the standard library pads a copy of it first, which costs as
/// much as the rest of a small span.
fn address(of: IpAddr) -> String {
    let IpAddr::V4(v4) = of else {
        return of.to_string();
    };
    let mut text = String::with_capacity("255.255.255.255".len());
    for (index, octet) in v4.octets().into_iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        for place in [100, 10] {
            if octet >= place {
                text.push(char::from(b'0' + octet / place % 10));
            }
        }
        text.push(char::from(b'0' + octet % 10));
    }
    text
}

/// What is known when the request is over.
pub(super) fn at_end(record: &Record, attributes: &mut Vec<KeyValue>) {
    if record.status != 0 {
        let status = i64::from(record.status);
        attributes.push(KeyValue::new("http.response.status_code", status));
    }
    if let Some(code) = record.grpc_status {
        rpc(record, code, attributes);
    }
    let request_id = record.ids.request_id.as_str().to_owned();
    attributes.push(KeyValue::new("plimsoll.request_id", request_id));
    // A span without it ended in success, as most do.
    if let Some(outcome) = record.outcome.filter(|it| *it != Outcome::Success) {
        attributes.push(KeyValue::new("plimsoll.outcome", outcome.as_str()));
    }
    if let Some(blame) = record.blame {
        attributes.push(KeyValue::new("plimsoll.blame", blame.as_str()));
    }
    if let Some(code) = record.code {
        attributes.push(KeyValue::new("plimsoll.error.code", code));
    }
    if failed(record) {
        attributes.push(KeyValue::new("error.type", error_type(record)));
    }
    // A span without it was let pass by its limits, as most are.
    if let Some(decided) = record.decision.filter(|it| it.decision != value::ALLOW) {
        attributes.push(KeyValue::new("plimsoll.limit", decided.policy));
        attributes.push(KeyValue::new("plimsoll.decision", decided.decision));
        let wait = decided.retry_after.map(|wait| wait.as_millis());
        if let Some(wait) = wait.and_then(|wait| i64::try_from(wait).ok()) {
            attributes.push(KeyValue::new("plimsoll.retry_after_ms", wait));
        }
    }
}

/// Service and method only of a method that exists: a path is no name.
fn rpc(record: &Record, code: u16, attributes: &mut Vec<KeyValue>) {
    attributes.push(KeyValue::new("rpc.system", "grpc"));
    let known = record.route.strip_prefix('/').and_then(|route| {
        let (service, method) = route.split_once('/')?;
        let template = |part: &str| part.contains('{');
        (!template(service) && !template(method)).then_some((service, method))
    });
    if let Some((service, method)) = known {
        attributes.push(KeyValue::new("rpc.service", service));
        attributes.push(KeyValue::new("rpc.method", method));
    } else {
        attributes.push(KeyValue::new("rpc.method", value::OTHER));
    }
    attributes.push(KeyValue::new("rpc.grpc.status_code", i64::from(code)));
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// Whether a server's span says Error: 5xx, an answer that did not reach its
/// end, and the gRPC codes that the RPC conventions list for servers. A 4xx is
/// the client's failure and leaves the status unset.
pub(super) fn failed(record: &Record) -> bool {
    let cut = matches!(
        record.outcome,
        Some(
            Outcome::Fault
                | Outcome::Timeout
                | Outcome::Panic
                | Outcome::BodyError
                | Outcome::ShutdownAbort
                | Outcome::ClientGoneBeforeHead
                | Outcome::ClientGoneMidBody
        )
    );
    // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
    let grpc = matches!(record.grpc_status, Some(2 | 4 | 12..=15));
    cut || grpc || record.status >= 500
}

/// The code where there is one, else the status of a plain fault, else how it ended.
fn error_type(record: &Record) -> Cow<'static, str> {
    match (record.code, record.outcome) {
        (Some(code), _) => code.into(),
        (None, Some(Outcome::Fault)) if record.status >= 500 => record.status.to_string().into(),
        (None, outcome) => outcome.map_or(value::OTHER, Outcome::as_str).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_address_is_written_as_the_standard_library_writes_it(of: IpAddr) {
            prop_assert_eq!(address(of), of.to_string());
        }
    }

    #[test]
    fn every_octet_has_its_digits() {
        for octet in 0..=u8::MAX {
            let of = IpAddr::from([octet, 0, 10, 200]);
            assert_eq!(address(of), of.to_string());
        }
    }
}
