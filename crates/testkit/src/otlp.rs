//! A collector of traces over OTLP/HTTP, and collectors that are none.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
pub use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::wait::until;

/// What a collector does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it.
    Healthy,
    /// Answers 500.
    Failing,
    /// Never answers.
    Hanging,
    /// Answers 200 and says in the body that it kept nothing.
    Lying,
}

/// A collector on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    serving: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    exports: usize,
    spans: Vec<Span>,
}

impl Collector {
    /// Starts one on the current runtime.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let all = Arc::clone(&seen);
        let serve = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&all);
                let answer = service_fn(move |request| take(request, behaviour, seen.clone()));
                connections.spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer),
                );
            }
        });
        Self {
            address,
            seen,
            serving: serve.abort_handle(),
        }
    }

    /// Where traces go.
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// Exports that arrived, whatever became of them.
    pub fn exports(&self) -> usize {
        self.lock().exports
    }

    /// Spans that arrived, whatever became of them.
    pub fn spans(&self) -> Vec<Span> {
        self.lock().spans.clone()
    }

    /// Waits for this many spans.
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An endpoint where nobody listens.
///
/// # Panics
///
/// When the loopback has no free port.
pub fn dead_endpoint() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/v1/traces", listener.local_addr().unwrap())
}

/// The text of a span's attribute, numbers as decimals.
pub fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|pair| pair.key == key)?;
    match found.value.as_ref()? {
        AnyValue {
            value: Some(Value::StringValue(text)),
        } => Some(text.clone()),
        AnyValue {
            value: Some(Value::IntValue(number)),
        } => Some(number.to_string()),
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

async fn take(
    request: Request<Incoming>,
    behaviour: Behaviour,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let mut spans = Vec::new();
    if let Ok(sent) = ExportTraceServiceRequest::decode(body) {
        let scopes = sent
            .resource_spans
            .into_iter()
            .flat_map(|it| it.scope_spans);
        spans.extend(scopes.flat_map(|scope| scope.spans));
    }
    let count = spans.len();
    {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.exports += 1;
        seen.spans.extend(spans);
    }
    let mut told = ExportTraceServiceResponse::default();
    let mut status = StatusCode::OK;
    match behaviour {
        Behaviour::Healthy => {}
        Behaviour::Failing => status = StatusCode::INTERNAL_SERVER_ERROR,
        Behaviour::Hanging => std::future::pending().await,
        Behaviour::Lying => {
            told.partial_success = Some(ExportTracePartialSuccess {
                rejected_spans: i64::try_from(count).unwrap_or(i64::MAX),
                error_message: "no room".into(),
            });
        }
    }
    let mut response = Response::new(Full::new(told.encode_to_vec().into()));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("application/x-protobuf");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    Ok(response)
}
