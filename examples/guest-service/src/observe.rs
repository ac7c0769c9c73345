//! The service's own middleware: each request has a span, a log line, metrics
//! and an `x-request-id`, none of which knows of Plimsoll.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Instrument as _, Span, field, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::telemetry::Host;

/// How the service names a request to its client.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

struct Sent<'a>(&'a HeaderMap);

impl Extractor for Sent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Middleware for all routes.
pub async fn request(State(host): State<Host>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().to_string();
    let number = host.number();
    let span = info_span!("order request", %method, route, number, trace = field::Empty);
    join(&span, request.headers());
    let mut response = next.run(request).instrument(span.clone()).await;

    let status = response.status().as_u16();
    let seconds = began.elapsed().as_secs_f64();
    let labels = [("route", route), ("status", status.to_string())];
    counter!("orders_requests_total", &labels).increment(1);
    histogram!("orders_request_seconds", &labels).record(seconds);
    info!(parent: &span, status, seconds, "answered");
    let id = HeaderValue::from_str(&format!("orders-{number:06}"));
    response
        .headers_mut()
        .extend(id.ok().map(|id| (REQUEST_ID, id)));
    response
}

/// Continues the caller's trace, and notes its id for the log.
fn join(span: &Span, headers: &HeaderMap) {
    let caller = TraceContextPropagator::new().extract(&Sent(headers));
    // Without a tracer there is nothing to continue.
    let _ = span.set_parent(caller);
    let trace = span.context().span().span_context().trace_id();
    span.record("trace", trace.to_string());
}
