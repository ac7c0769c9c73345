//! The canonical line of a request.

use std::time::SystemTime;

use plimsoll_core::names::{key, value};
use plimsoll_core::outcome::{Blame, Outcome};
use plimsoll_core::record::Record;

use super::Format;
use super::json::{Line, quote};

/// Target of the request's own line.
pub const TARGET: &str = "plimsoll::access";

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

pub(crate) fn write(
    out: &mut String,
    format: Format,
    service: &str,
    time: SystemTime,
    record: &Record,
) {
    match format {
        Format::Json => json(out, service, time, record),
        Format::Pretty => pretty(out, time, record),
    }
}

fn json(out: &mut String, service: &str, time: SystemTime, record: &Record) {
    let mut line = Line::new(out);
    line.display(key::TIME, humantime::format_rfc3339_micros(time));
    line.text(key::LEVEL, level(record).as_str());
    line.text(key::TARGET, TARGET);
    line.text(key::MESSAGE, "request");
    line.text(key::SERVICE, service);
    line.display(key::TRACE_ID, record.ids.trace_id);
    line.display(key::SPAN_ID, record.ids.span_id);
    line.text(key::REQUEST_ID, record.ids.request_id.as_str());
    line.text("method", record.method);
    line.text("route", record.route);
    line.text("path", shortened(&record.path));
    line.number("status", record.status.into());
    if let Some(grpc) = record.grpc_status {
        line.number("grpc_status", grpc.into());
    }
    line.text(
        "outcome",
        record.outcome.map_or(value::OTHER, Outcome::as_str),
    );
    line.maybe("code", record.code);
    line.maybe("blame", record.blame.map(Blame::as_str));
    line.maybe("slo", record.slo.map(plimsoll_core::Slo::as_str));
    line.maybe("ref", record.reference.as_deref());
    line.maybe(
        "cause",
        record.cause.as_deref().map(|cause| cut(cause, CAUSE_MAX)),
    );
    line.millis("duration_ms", record.duration());
    line.millis("head_ms", record.time_to_head());
    line.number("bytes_in", record.bytes_in);
    line.number("bytes_out", record.bytes_out);
    line.number("in_flight", record.in_flight);
    if record.calls.begun > 0 {
        line.number("calls", record.calls.begun.into());
        line.number("calls_failed", record.calls.failed.into());
        line.millis("calls_ms", record.calls.nanos(record.ended));
    }
    if let Some(client) = record.client {
        line.display("client", client);
    }
    if let Some((policy, decision)) = record.decision {
        line.text("limit", policy);
        line.text("decision", decision);
    }
    if let Some(link) = record.link {
        line.display("linked_trace_id", link.trace_id);
    }
    line.end();
}

fn pretty(out: &mut String, time: SystemTime, record: &Record) {
    use std::fmt::Write as _;
    let _ = write!(
        out,
        "{} {:5} {} {} {} {:.1} ms {}",
        humantime::format_rfc3339_millis(time),
        level(record),
        record.status,
        record.method,
        record.route,
        record.duration() as f64 / 1e6,
        record.outcome.map_or(value::OTHER, Outcome::as_str),
    );
    if let Some(code) = record.code {
        let _ = write!(out, " {code}");
    }
    if let Some(cause) = &record.cause {
        out.push_str(" cause=");
        quote(out, cut(cause, CAUSE_MAX));
    }
    let _ = writeln!(out, " request_id={}", record.ids.request_id);
}

/// As much of a path as is worth keeping.
pub(crate) fn shortened(path: &str) -> &str {
    cut(path, PATH_MAX)
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::Slo;
    use plimsoll_core::ids::{Ids, RequestId, SpanId, TraceId};

    #[test]
    fn no_text_of_any_length_makes_a_line_of_any_length() {
        let text = "\u{e9}".repeat(100_000);
        assert_eq!(cut(&text, CAUSE_MAX - 1).len(), CAUSE_MAX - 2);
        assert_eq!(shortened("/short"), "/short");
    }

    #[test]
    fn the_line_has_these_keys_in_this_order() {
        let ids = Ids {
            trace_id: TraceId(1),
            span_id: SpanId(2),
            sampled: true,
            request_id: RequestId::parse(b"req-1").unwrap(),
        };
        let mut record = Record::new(ids, 0);
        record.method = "GET";
        record.route = "/cards/{id}";
        record.path = "/cards/7\u{1b}[2J".into();
        record.status = 503;
        record.code = Some("CARD-2001");
        record.fail(Outcome::Fault, Blame::Dependency, Slo::Bad);
        record.reference = Some("CARD-2001-X".into());
        record.cause = Some("pool \"timed\" out".into());
        record.client = Some([127, 0, 0, 1].into());
        record.decision = Some(("per-client", "allow"));
        record.head = Some(1_500_000);
        record.ended = 2_250_000;
        let mut out = String::new();
        json(&mut out, "card-service", SystemTime::UNIX_EPOCH, &record);
        let expected = concat!(
            r#"{"time":"1970-01-01T00:00:00.000000Z","level":"WARN","target":"plimsoll::access","#,
            r#""message":"request","service":"card-service","#,
            r#""trace_id":"00000000000000000000000000000001","span_id":"0000000000000002","request_id":"req-1","#,
            r#""method":"GET","route":"/cards/{id}","path":"/cards/7\u001b[2J","status":503,"outcome":"fault","#,
            r#""code":"CARD-2001","blame":"dependency","slo":"bad","ref":"CARD-2001-X","cause":"pool \"timed\" out","#,
            r#""duration_ms":2.250,"head_ms":1.500,"bytes_in":0,"bytes_out":0,"in_flight":0,"client":"127.0.0.1","#,
            r#""limit":"per-client","decision":"allow"}"#,
            "\n",
        );
        assert_eq!(out, expected);
    }
}
