//! One event from one record.

use std::time::SystemTime;

use plimsoll_core::Clock;
use plimsoll_core::outcome::Outcome;
use plimsoll_core::record::{Crumb, Record};
use sentry::Level;
use sentry::protocol::{Breadcrumb, Context, Event, Exception, Map, Mechanism, TraceContext};

use super::pace::Kind;

/// Bytes of a cause that are sent.
const CAUSE_MAX: usize = 2_048;

/// What groups a record with others of its kind: code, else outcome; and route.
pub(super) fn kind(record: &Record) -> Kind {
    let outcome = record.outcome.unwrap_or(Outcome::Fault).as_str();
    (record.code.unwrap_or(outcome), record.route)
}

/// The event of a failed request. `suppressed` others of its kind were kept
/// back since the last one sent.
pub(super) fn event(
    service: &str,
    clock: &Clock,
    record: &Record,
    suppressed: u64,
) -> Event<'static> {
    let (what, route) = kind(record);
    let name = format!("{} {route}", record.method);
    let crumbs: Vec<_> = record
        .crumbs()
        .map(|crumb| breadcrumb(clock, crumb))
        .collect();
    Event {
        level: Level::Error,
        logger: Some("plimsoll".into()),
        timestamp: clock.wall(record.ended),
        transaction: Some(name.clone()),
        fingerprint: vec![what.into(), route.into()].into(),
        exception: vec![exception(what, &name, record)].into(),
        breadcrumbs: crumbs.into(),
        contexts: Map::from([("trace".to_owned(), trace(record))]),
        tags: tags(service, record, suppressed),
        ..Event::default()
    }
}

fn exception(what: &str, name: &str, record: &Record) -> Exception {
    let cause = record.cause.as_deref();
    let value = cause.map_or(name, |cause| &cause[..cause.floor_char_boundary(CAUSE_MAX)]);
    Exception {
        ty: what.to_owned(),
        value: Some(value.to_owned()),
        mechanism: Some(Mechanism {
            ty: "plimsoll".into(),
            handled: Some(record.outcome != Some(Outcome::Panic)),
            ..Mechanism::default()
        }),
        ..Exception::default()
    }
}

fn trace(record: &Record) -> Context {
    Context::from(TraceContext {
        trace_id: record.ids.trace_id.0.to_be_bytes().into(),
        span_id: record.ids.span_id.0.to_be_bytes().into(),
        op: Some("http.server".into()),
        ..TraceContext::default()
    })
}

fn tags(service: &str, record: &Record, suppressed: u64) -> Map<String, String> {
    let mut tags = Map::new();
    let mut tag = |name: &str, text: &str| {
        tags.insert(name.to_owned(), text.to_owned());
    };
    let outcome = record.outcome.unwrap_or(Outcome::Fault);
    tag("service", service);
    tag("route", record.route);
    tag("method", record.method);
    tag("outcome", outcome.as_str());
    tag("request_id", record.ids.request_id.as_str());
    tag("trace_id", &record.ids.trace_id.to_string());
    if let Some(code) = record.code {
        tag("code", code);
    }
    if let Some(blame) = record.blame {
        tag("blame", blame.as_str());
    }
    if let Some(reference) = &record.reference {
        tag("ref", reference);
    }
    if record.status != 0 {
        tag("status", &record.status.to_string());
    }
    if suppressed > 0 {
        tag("suppressed", &suppressed.to_string());
    }
    tags
}

fn breadcrumb(clock: &Clock, crumb: &Crumb) -> Breadcrumb {
    let timestamp: SystemTime = clock.wall(crumb.at);
    Breadcrumb {
        timestamp,
        ty: "log".into(),
        category: Some(crumb.target.to_owned()),
        level: match crumb.level {
            "ERROR" => Level::Error,
            _ => Level::Warning,
        },
        message: Some(crumb.text.to_string()),
        ..Breadcrumb::default()
    }
}
