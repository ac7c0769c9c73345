//! One run of the service with everything it says: answers, lines, series, spans.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use guest_service::telemetry::{self, Host};
use http_body_util::BodyExt as _;
use opentelemetry::global;
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor, SpanData,
};
use serde_json::Value;
use tower::ServiceExt as _;

/// An answer, whole.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a run left.
pub(crate) struct Recording<T> {
    pub(crate) answers: T,
    pub(crate) lines: Vec<Value>,
    pub(crate) page: String,
    pub(crate) spans: Vec<SpanData>,
}

#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The host's tracer. There is one for the process, so runs come one after another.
static TRACER: LazyLock<(SdkTracerProvider, InMemorySpanExporter)> = LazyLock::new(|| {
    let spans = InMemorySpanExporter::default();
    let provider = telemetry::provider(SimpleSpanProcessor::new(spans.clone()));
    (provider, spans)
});
static ALONE: Mutex<()> = Mutex::new(());

/// Whether the host's tracer is also the global one.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Tracer {
    Global,
    #[allow(dead_code, reason = "for a test that shares this file")]
    NotGlobal,
}

/// Runs `ask` against `app` in a host of its own, in virtual time.
pub(crate) fn record<T>(
    tracer: Tracer,
    app: impl FnOnce(Host) -> Router,
    ask: impl AsyncFnOnce(Router) -> T,
) -> Recording<T> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (provider, spans) = &*TRACER;
    if tracer == Tracer::Global {
        global::set_tracer_provider(provider.clone());
    }
    spans.reset();
    let lines = Lines::default();
    let recorder = telemetry::recorder();
    let host = Host::new(recorder.handle());
    let page = host.metrics.clone();
    let writer = lines.clone();
    let subscriber = telemetry::subscriber(move || writer.clone(), provider);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let answers = {
        let _recorder = metrics::set_default_local_recorder(&recorder);
        let _subscriber = tracing::subscriber::set_default(subscriber);
        runtime.block_on(ask(app(host)))
    };
    let lines = lines.0.lock().unwrap();
    Recording {
        answers,
        lines: String::from_utf8_lossy(&lines)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        page: page.render(),
        spans: spans.get_finished_spans().unwrap(),
    }
}

/// Asks and reads the answer to its end.
pub(crate) async fn ask(app: &Router, mut request: Request<Body>) -> Answer {
    let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711)));
    request.extensions_mut().insert(peer);
    let response = app.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Attributes with times, threads and ids.
const VARYING: [&str; 5] = ["busy_ns", "idle_ns", "thread.id", "thread.name", "trace"];

/// What of the spans of `scope` must not change: for each its name, kind, parent,
/// status, attributes and events. Ids and times are left out.
pub(crate) fn told(spans: &[SpanData], scope: &str) -> Vec<String> {
    let own: Vec<_> = spans
        .iter()
        .filter(|span| span.instrumentation_scope.name() == scope)
        .collect();
    let names: HashMap<_, _> = own
        .iter()
        .map(|span| (span.span_context.span_id(), &span.name))
        .collect();
    let mut told: Vec<String> = own
        .iter()
        .map(|span| {
            let parent = match names.get(&span.parent_span_id) {
                Some(name) => name.to_string(),
                None if span.parent_span_is_remote => format!(
                    "{} in {}",
                    span.parent_span_id,
                    span.span_context.trace_id()
                ),
                None => "none of the host's".into(),
            };
            let mut attributes: Vec<_> = span
                .attributes
                .iter()
                .filter(|pair| !VARYING.contains(&pair.key.as_str()))
                .map(|pair| format!("{}={}", pair.key, pair.value))
                .collect();
            attributes.sort();
            let events: Vec<_> = span.events.iter().map(|event| &event.name).collect();
            let (name, kind, status) = (&span.name, &span.span_kind, &span.status);
            format!("{name} {kind:?} under {parent}: {status:?} {attributes:?} {events:?}")
        })
        .collect();
    told.sort();
    told
}
