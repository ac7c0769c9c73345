//! Log lines as OTLP log records.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use plimsoll_core::names::key;
use prost::Message as _;
use serde_json::Value as Json;

use super::post::Post;
use super::target::Target;
use super::value::{pair, resource, scope, text};
use super::{Sending, Settings};
use crate::exports::Outlet;
use crate::ledger::Balance;
use crate::outbox::{Batching, Outbox, Send};

/// Lines that wait to be exported.
pub(super) type Lines = Outbox<Box<[u8]>>;

impl Sending for Lines {
    fn balance(&self) -> Balance {
        Self::balance(self)
    }

    fn outlet(&self) -> Outlet {
        Self::outlet(self, "otlp_logs")
    }

    fn hurry(&self) {
        Self::hurry(self);
    }

    fn close(&self, deadline: Instant) {
        Self::close(self, deadline);
    }
}

/// Starts exporting lines of the JSON form.
pub(super) fn start(target: Target, settings: Settings<'_>) -> std::io::Result<Lines> {
    let number = |name: &str, default| settings.otel.number(name).unwrap_or(default);
    let queue = number("OTEL_BLRP_MAX_QUEUE_SIZE", 2_048).min(1 << 20) as usize;
    let batch = number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512) as usize;
    let batching = Batching {
        queue,
        batch: batch.min(queue),
        delay: Duration::from_millis(number("OTEL_BLRP_SCHEDULE_DELAY", 1_000)),
    };
    let target = target.at_most(settings.otel.number("OTEL_BLRP_EXPORT_TIMEOUT"));
    let attributes = settings.resource;
    let connect = move |bytes| {
        let post = Post::new(target, bytes);
        let resource = resource(&attributes);
        let send = move |lines: &mut Vec<Box<[u8]>>| {
            let sent = lines.len() as u64;
            let log_records: Vec<_> = lines.drain(..).filter_map(|line| record(&line)).collect();
            let unread = sent - log_records.len() as u64;
            let request = ExportLogsServiceRequest {
                resource_logs: vec![ResourceLogs {
                    resource: Some(resource.clone()),
                    scope_logs: vec![ScopeLogs {
                        scope: Some(scope()),
                        log_records,
                        ..ScopeLogs::default()
                    }],
                    ..ResourceLogs::default()
                }],
            };
            let _quiet = crate::traces::quiet();
            let Ok(answer) = post.send(request.encode_to_vec()) else {
                return sent;
            };
            let answer = ExportLogsServiceResponse::decode(answer).unwrap_or_default();
            let refused = answer.partial_success.map(|it| it.rejected_log_records);
            unread + u64::try_from(refused.unwrap_or(0)).unwrap_or(0)
        };
        Box::new(send) as Send<Box<[u8]>>
    };
    Outbox::start("plimsoll-otlp-logs", batching, connect)
}

/// The record of one line: time, level, message and ids in their places, every
/// other key an attribute. `None` for what is no line of ours.
fn record(line: &[u8]) -> Option<LogRecord> {
    let Json::Object(fields) = serde_json::from_slice(line).ok()? else {
        return None;
    };
    let mut record = LogRecord::default();
    for (name, value) in fields {
        match (name.as_str(), value) {
            (key::TIME, Json::String(time)) => {
                let time = humantime::parse_rfc3339(&time).ok()?;
                let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
                record.time_unix_nano = since.as_nanos() as u64;
                record.observed_time_unix_nano = record.time_unix_nano;
            }
            (key::LEVEL, Json::String(level)) => {
                record.severity_number = severity(&level);
                record.severity_text = level;
            }
            (key::MESSAGE, Json::String(message)) => {
                record.body = Some(AnyValue {
                    value: Some(text(message)),
                });
            }
            (key::TRACE_ID, Json::String(id)) => record.trace_id = bytes(&id),
            (key::SPAN_ID, Json::String(id)) => record.span_id = bytes(&id),
            // Stands in the resource.
            (key::SERVICE, _) => {}
            (name, value) => {
                if name == "sampled" && value == Json::Bool(true) {
                    record.flags |= 1;
                }
                record.attributes.push(pair(name, any(value)));
            }
        }
    }
    Some(record)
}

/// `SeverityNumber` of the log data model.
fn severity(level: &str) -> i32 {
    match level {
        "TRACE" => 1,
        "DEBUG" => 5,
        "INFO" => 9,
        "WARN" => 13,
        "ERROR" => 17,
        _ => 0,
    }
}

fn any(value: Json) -> Value {
    match value {
        Json::String(value) => text(value),
        Json::Bool(value) => Value::BoolValue(value),
        Json::Number(value) => match (value.as_i64(), value.as_f64()) {
            (Some(whole), _) => Value::IntValue(whole),
            (None, Some(float)) => Value::DoubleValue(float),
            (None, None) => text(value.to_string()),
        },
        // A report is an object of its own.
        other => text(other.to_string()),
    }
}

/// Of hexadecimal digits; empty when they are none.
fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len() / 2).map(|at| hex.get(2 * at..2 * at + 2));
    let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok());
    bytes.collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_keys_and_its_ids_are_in_their_places() {
        let line = br#"{"time":"2026-11-21T07:43:00.023362Z","level":"WARN","target":"plimsoll::access","message":"request","service":"cards","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","status":503,"duration_ms":2.25,"sampled":true,"big":18446744073709551615}"#;
        let record = record(line).unwrap();
        assert_eq!(record.time_unix_nano, 1_795_246_980_023_362_000);
        assert_eq!(
            (record.severity_number, record.severity_text.as_str()),
            (13, "WARN")
        );
        assert_eq!(record.trace_id.len(), 16);
        assert_eq!(
            record.span_id,
            [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]
        );
        assert_eq!(record.flags, 1);
        let of = |key: &str| {
            let mut all = record.attributes.iter();
            let found = all.find(|pair| pair.key == key)?;
            found.value.clone()?.value
        };
        assert_eq!(of("status"), Some(Value::IntValue(503)));
        assert_eq!(of("duration_ms"), Some(Value::DoubleValue(2.25)));
        assert_eq!(of("target"), Some(text("plimsoll::access")));
        assert_eq!(
            of("big"),
            Some(Value::DoubleValue(18_446_744_073_709_551_615.0))
        );
        assert_eq!((of("service"), of("message")), (None, None));
        assert!(super::record(b"not a line").is_none());
    }
}
