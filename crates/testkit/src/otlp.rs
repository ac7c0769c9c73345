//! A collector of OTLP over HTTP and gRPC, and collectors that are none.

use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
pub use opentelemetry_proto::tonic::logs::v1::LogRecord;
pub use opentelemetry_proto::tonic::metrics::v1::Metric;
pub use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

pub use crate::receiver::Behaviour;
use crate::receiver::{AnswerBody, Desk, Receiver, Verdict, answer};
use crate::wait::until;

/// A collector on a port of its own, until it is dropped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use plimsoll_testkit::otlp::{Behaviour, Collector};
///
/// let collector = Collector::start(Behaviour::Healthy).await;
/// assert!(collector.endpoint().ends_with("/v1/traces"));
/// collector.turn(Behaviour::Dead).await;
/// assert!(collector.spans().is_empty());
/// # });
/// ```
#[derive(Debug)]
pub struct Collector {
    receiver: Receiver,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    exports: usize,
    spans_arrived: usize,
    spans_kept: usize,
    only_counts: bool,
    headers: HeaderMap,
    spans: Vec<Span>,
    logs: Vec<LogRecord>,
    metrics: Vec<Metric>,
    resource: Vec<KeyValue>,
}

impl Collector {
    /// Starts one; it speaks HTTP/1.1, HTTP/2 and gRPC on one port.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub async fn start(behaviour: Behaviour) -> Self {
        let seen = Arc::<Seen>::default();
        let receiver = Receiver::start(Arc::clone(&seen), behaviour).await;
        Self { receiver, seen }
    }

    /// As [`Collector::start`], but of what it keeps only the number, for runs
    /// that are long.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub async fn counting(behaviour: Behaviour) -> Self {
        let collector = Self::start(behaviour).await;
        collector.seen.lock().only_counts = true;
        collector
    }

    /// Behaves so from now on; returns once it does.
    ///
    /// # Panics
    ///
    /// When it does not in time.
    pub async fn turn(&self, behaviour: Behaviour) {
        self.receiver.turn(behaviour).await;
    }

    /// Where traces go over HTTP.
    pub fn endpoint(&self) -> String {
        format!("{}/v1/traces", self.base())
    }

    /// What the paths of the signals are appended to; the endpoint of gRPC.
    pub fn base(&self) -> String {
        format!("http://{}", self.receiver.address)
    }

    /// Exports that arrived, whatever became of them.
    pub fn exports(&self) -> usize {
        self.seen.lock().exports
    }

    /// Spans that arrived, whatever became of them; one that was sent again
    /// arrived twice.
    pub fn spans_arrived(&self) -> usize {
        self.seen.lock().spans_arrived
    }

    /// Spans that were kept: decoded, and not refused in the answer.
    pub fn spans(&self) -> Vec<Span> {
        self.seen.lock().spans.clone()
    }

    /// How many spans were kept.
    pub fn span_count(&self) -> usize {
        self.seen.lock().spans_kept
    }

    /// Log records that were kept.
    pub fn logs(&self) -> Vec<LogRecord> {
        self.seen.lock().logs.clone()
    }

    /// Metrics that were kept, every export of each.
    pub fn metrics(&self) -> Vec<Metric> {
        self.seen.lock().metrics.clone()
    }

    /// The headers of the last export.
    pub fn headers(&self) -> HeaderMap {
        self.seen.lock().headers.clone()
    }

    /// An attribute of the resource of the last export.
    pub fn resource(&self, key: &str) -> Option<String> {
        value_of(&self.seen.lock().resource, key)
    }

    /// Waits for this many spans to be kept.
    ///
    /// # Panics
    ///
    /// When they do not come in time.
    pub async fn wait_for(&self, count: usize) -> Vec<Span> {
        until("spans", || {
            Some(self.spans()).filter(|spans| spans.len() >= count)
        })
        .await
    }
}

/// The text of a span's attribute, numbers as decimals.
pub fn attribute(span: &Span, key: &str) -> Option<String> {
    value_of(&span.attributes, key)
}

fn value_of(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    match found.value.as_ref()? {
        AnyValue {
            value: Some(Value::StringValue(text)),
        } => Some(text.clone()),
        AnyValue {
            value: Some(Value::IntValue(number)),
        } => Some(number.to_string()),
        AnyValue {
            value: Some(Value::DoubleValue(number)),
        } => Some(number.to_string()),
        AnyValue {
            value: Some(Value::BoolValue(flag)),
        } => Some(flag.to_string()),
        _ => None,
    }
}

/// Bytes of an id as log lines spell them.
pub fn hex(id: &[u8]) -> String {
    use std::fmt::Write as _;
    id.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Seen {
    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One export, decoded.
struct Export {
    grpc: bool,
    items: Items,
}

enum Items {
    Spans(Vec<Span>),
    Logs(Vec<LogRecord>),
    Metrics(Vec<Metric>),
    /// Nothing that OTLP knows.
    Garbage,
}

impl Desk for Seen {
    type Parcel = Export;

    fn arrive(&self, head: &Parts, body: Bytes) -> Export {
        let kind = head.headers.get(header::CONTENT_TYPE);
        let grpc = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let message = if grpc {
            message_of_grpc(&body)
        } else {
            let gzip = head.headers.get(header::CONTENT_ENCODING);
            inflated(&body, gzip.is_some_and(|how| how == "gzip"))
        };
        let mut all = self.lock();
        all.exports += 1;
        all.headers.clone_from(&head.headers);
        let items = all.read(head.uri.path(), &message.unwrap_or_default());
        if let Items::Spans(spans) = &items {
            all.spans_arrived += spans.len();
        }
        Export { grpc, items }
    }

    fn answer(&self, export: Export, verdict: Verdict) -> Response<AnswerBody> {
        let rejected = match verdict {
            Verdict::Refused(status, after) if export.grpc => {
                return refused_by_grpc(status, after);
            }
            Verdict::Refused(status, after) => return answer(status, after, Vec::new()),
            Verdict::Kept { rejected } => rejected,
        };
        let told = match self.lock().keep(export.items, rejected) {
            Some(told) => told,
            None if export.grpc => return refused_by_grpc(StatusCode::BAD_REQUEST, None),
            None => return answer(StatusCode::BAD_REQUEST, None, Vec::new()),
        };
        if export.grpc {
            return answered_by_grpc(&told);
        }
        let mut response = answer(StatusCode::OK, None, told);
        let kind = HeaderValue::from_static("application/x-protobuf");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl Held {
    /// Decodes by the paths of OTLP over HTTP and gRPC.
    fn read(&mut self, path: &str, message: &[u8]) -> Items {
        if path.contains("trace") {
            let Ok(sent) = ExportTraceServiceRequest::decode(message) else {
                return Items::Garbage;
            };
            let mut spans = Vec::new();
            for one in sent.resource_spans {
                self.resource = one.resource.unwrap_or_default().attributes;
                spans.extend(one.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
            Items::Spans(spans)
        } else if path.contains("logs") {
            let Ok(sent) = ExportLogsServiceRequest::decode(message) else {
                return Items::Garbage;
            };
            let scopes = sent.resource_logs.into_iter().flat_map(|it| it.scope_logs);
            Items::Logs(scopes.flat_map(|scope| scope.log_records).collect())
        } else if path.contains("metrics") {
            let Ok(sent) = ExportMetricsServiceRequest::decode(message) else {
                return Items::Garbage;
            };
            let all = sent.resource_metrics.into_iter();
            let scopes = all.flat_map(|it| it.scope_metrics);
            Items::Metrics(scopes.flat_map(|scope| scope.metrics).collect())
        } else {
            Items::Garbage
        }
    }

    /// Keeps all but the last `rejected`; returns what is answered.
    fn keep(&mut self, items: Items, rejected: usize) -> Option<Vec<u8>> {
        let why = "no room";
        Some(match items {
            Items::Garbage => return None,
            Items::Spans(spans) => {
                let before = spans.len();
                let rejected_spans = keep(&mut self.spans, spans, rejected);
                self.spans_kept += before - rejected.min(before);
                if self.only_counts {
                    self.spans.clear();
                }
                let partial_success = (rejected_spans > 0).then(|| ExportTracePartialSuccess {
                    rejected_spans,
                    error_message: why.into(),
                });
                ExportTraceServiceResponse { partial_success }.encode_to_vec()
            }
            Items::Logs(logs) => {
                let rejected_log_records = keep(&mut self.logs, logs, rejected);
                let partial_success =
                    (rejected_log_records > 0).then(|| ExportLogsPartialSuccess {
                        rejected_log_records,
                        error_message: why.into(),
                    });
                ExportLogsServiceResponse { partial_success }.encode_to_vec()
            }
            Items::Metrics(metrics) => {
                let rejected_data_points = keep(&mut self.metrics, metrics, rejected);
                let partial_success =
                    (rejected_data_points > 0).then(|| ExportMetricsPartialSuccess {
                        rejected_data_points,
                        error_message: why.into(),
                    });
                ExportMetricsServiceResponse { partial_success }.encode_to_vec()
            }
        })
    }
}

/// Keeps all but the last `rejected`; returns how many were not kept.
fn keep<T>(kept: &mut Vec<T>, mut items: Vec<T>, rejected: usize) -> i64 {
    let rejected = rejected.min(items.len());
    items.truncate(items.len() - rejected);
    kept.extend(items);
    i64::try_from(rejected).unwrap_or(i64::MAX)
}

fn inflated(body: &[u8], gzip: bool) -> Option<Vec<u8>> {
    if !gzip {
        return Some(body.to_vec());
    }
    let mut plain = Vec::new();
    let mut packed = flate2::read::GzDecoder::new(body);
    packed.read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// The message of a unary call: a flag, its length, its bytes.
fn message_of_grpc(body: &[u8]) -> Option<Vec<u8>> {
    let (&gzip, rest) = body.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    inflated(rest.get(..length)?, gzip == 1)
}

fn answered_by_grpc(message: &[u8]) -> Response<AnswerBody> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let framed = [&[0], &length.to_be_bytes()[..], message].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(framed));
    let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed_unsync());
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The gRPC status that stands for an HTTP one, in the head: no body follows.
fn refused_by_grpc(status: StatusCode, after: Option<u32>) -> Response<AnswerBody> {
    let code: i32 = match status.as_u16() {
        400 => 3,
        401 => 16,
        403 => 7,
        429 => 8,
        502..=504 => 14,
        _ => 13,
    };
    let mut response = answer(StatusCode::OK, after, Vec::new());
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/grpc");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert("grpc-status", HeaderValue::from(code));
    response
}
