//! The request's span: begun by a tracer, attached around polls, ended from the record.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, ContextGuard, KeyValue, global};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use plimsoll_core::ids::{SpanId, TraceId, TraceParent};
use plimsoll_core::names::value;
use plimsoll_core::outcome::{Outcome, Slo};
use plimsoll_core::record::{Ambient, Record};

use super::processor::BoundedProcessor;
use crate::logs::access;

const SCOPE: &str = "plimsoll";

/// Who makes the request's span.
#[derive(Debug)]
pub(crate) enum Spans {
    /// Nobody; nothing is attached.
    Off,
    /// Nobody records. Once we own the process's tracing the request's ids travel
    /// in the context all the same; before, they would be the unsampled parent of
    /// a host's own spans, and it would keep none of them.
    Unrecorded { installed: AtomicBool },
    /// Our own provider.
    Own {
        provider: SdkTracerProvider,
        tracer: SdkTracer,
        processor: BoundedProcessor,
    },
    /// The host's global provider; where it has none, nobody.
    Join,
}

/// What is known of a request when its span begins.
pub(crate) struct Start<'a> {
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) path: &'a str,
    pub(crate) parent: Option<TraceParent>,
    pub(crate) link: Option<TraceParent>,
}

/// The ids a span began with.
pub(crate) struct Begun {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) sampled: bool,
}

impl Spans {
    pub(crate) fn own(provider: SdkTracerProvider, processor: BoundedProcessor) -> Self {
        Self::Own {
            tracer: provider.tracer(SCOPE),
            provider,
            processor,
        }
    }

    pub(crate) fn own_tracer(&self) -> Option<SdkTracer> {
        match self {
            Self::Own { tracer, .. } => Some(tracer.clone()),
            _ => None,
        }
    }

    pub(crate) fn unrecorded() -> Self {
        Self::Unrecorded {
            installed: AtomicBool::new(false),
        }
    }

    /// Makes our provider and the W3C propagator the process's own.
    pub(crate) fn install(&self) {
        match self {
            Self::Own { provider, .. } => {
                global::set_tracer_provider(provider.clone());
                global::set_text_map_propagator(TraceContextPropagator::new());
            }
            Self::Unrecorded { installed } => {
                global::set_text_map_propagator(TraceContextPropagator::new());
                installed.store(true, Ordering::Relaxed);
            }
            Self::Off | Self::Join => {}
        }
    }

    /// Begins the request's span. `None` when nothing is to be attached.
    pub(crate) fn begin(&self, start: &Start<'_>) -> Option<(Begun, Box<RequestSpan>)> {
        let context = match self {
            Self::Unrecorded { installed } if installed.load(Ordering::Relaxed) => {
                unrecorded(start)
            }
            Self::Off | Self::Unrecorded { .. } => return None,
            Self::Own { tracer, .. } => {
                let parent = parent(&Context::new(), start);
                let span = tracer.build_with_context(builder(start), &parent);
                parent.with_span(span)
            }
            Self::Join => {
                let parent = parent(&Context::current(), start);
                let tracer = global::tracer(SCOPE);
                let span = tracer.build_with_context(builder(start), &parent);
                if !span.span_context().is_valid() {
                    // The host's tracer is not the global one. Ids of ours would be the
                    // unsampled parent of its spans, and it would keep none of them.
                    return None;
                }
                parent.with_span(span)
            }
        };
        let begun = {
            let span = context.span();
            let ids = span.span_context();
            Begun {
                trace_id: TraceId(u128::from_be_bytes(ids.trace_id().to_bytes())),
                span_id: SpanId(u64::from_be_bytes(ids.span_id().to_bytes())),
                sampled: ids.is_sampled(),
            }
        };
        Some((begun, Box::new(RequestSpan(context))))
    }
}

/// The context in which the span begins: an active span of the host's, else the
/// caller's span when it is trusted, else none.
fn parent(around: &Context, start: &Start<'_>) -> Context {
    match start.parent {
        Some(parent) if !around.has_active_span() => {
            around.with_remote_span_context(remote(parent))
        }
        _ => around.clone(),
    }
}

fn unrecorded(start: &Start<'_>) -> Context {
    let trace_id = start
        .parent
        .map_or_else(TraceId::random, |parent| parent.trace_id);
    let ids = SpanContext::new(
        trace_id.0.into(),
        SpanId::random().0.into(),
        TraceFlags::default(),
        false,
        TraceState::NONE,
    );
    Context::current().with_remote_span_context(ids)
}

fn remote(of: TraceParent) -> SpanContext {
    SpanContext::new(
        of.trace_id.0.into(),
        of.span_id.0.into(),
        TraceFlags::default().with_sampled(of.sampled),
        true,
        TraceState::NONE,
    )
}

/// Name and start attributes by the HTTP semantic conventions (stable part).
fn builder(start: &Start<'_>) -> SpanBuilder {
    let method = match start.method {
        value::OTHER => "HTTP",
        method => method,
    };
    let name = match start.route {
        value::UNMATCHED => method.to_owned(),
        route => format!("{method} {route}"),
    };
    let mut attributes = vec![
        KeyValue::new("http.request.method", start.method),
        KeyValue::new("url.path", access::shortened(start.path).to_owned()),
        KeyValue::new("url.scheme", "http"),
    ];
    if start.route != value::UNMATCHED {
        attributes.push(KeyValue::new("http.route", start.route));
    }
    let mut builder = SpanBuilder::from_name(name)
        .with_kind(SpanKind::Server)
        .with_attributes(attributes);
    if let Some(link) = start.link {
        builder = builder.with_links(vec![Link::with_context(remote(link))]);
    }
    builder
}

/// The context of one request.
#[derive(Debug)]
pub(crate) struct RequestSpan(Context);

impl RequestSpan {
    /// Ends the span with what the record says.
    pub(crate) fn end(&self, record: &Record) {
        let span = self.0.span();
        if !span.is_recording() {
            return;
        }
        if record.status != 0 {
            let status = i64::from(record.status);
            span.set_attribute(KeyValue::new("http.response.status_code", status));
        }
        if let Some(grpc) = record.grpc_status {
            span.set_attribute(KeyValue::new("rpc.system", "grpc"));
            span.set_attribute(KeyValue::new("rpc.grpc.status_code", i64::from(grpc)));
        }
        let request_id = record.ids.request_id.to_string();
        span.set_attribute(KeyValue::new("plimsoll.request_id", request_id));
        if let Some(outcome) = record.outcome {
            span.set_attribute(KeyValue::new("plimsoll.outcome", outcome.as_str()));
        }
        if let Some(code) = record.code {
            span.set_attribute(KeyValue::new("plimsoll.error.code", code));
        }
        if record.slo == Some(Slo::Bad) {
            let outcome = record.outcome.unwrap_or(Outcome::Fault).as_str();
            let error = match (record.code, record.status) {
                (Some(code), _) => code.into(),
                (None, 500..) => record.status.to_string(),
                (None, _) => outcome.to_owned(),
            };
            span.set_attribute(KeyValue::new("error.type", error));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

thread_local! {
    /// What is attached on this thread, innermost last. `ContextGuard` is bound
    /// to its thread and must be dropped in order, so it cannot lie in a record.
    static ATTACHED: RefCell<Vec<ContextGuard>> = const { RefCell::new(Vec::new()) };
}

impl Ambient for RequestSpan {
    fn enter(&self) {
        let guard = self.0.clone().attach();
        ATTACHED.with_borrow_mut(|attached| attached.push(guard));
    }

    fn exit(&self) {
        let guard = ATTACHED.with_borrow_mut(Vec::pop);
        drop(guard);
    }

    fn clear(&mut self) {
        self.0 = Context::new();
    }

    /// The span that is active where the work is handed over, when it is one of
    /// this trace, so that the work's spans nest in it.
    fn carried(&self) -> Option<Box<dyn Ambient>> {
        let here = Context::current();
        let trace = |context: &Context| context.span().span_context().trace_id();
        let of_request = trace(&here) == trace(&self.0);
        let context = if of_request { here } else { self.0.clone() };
        Some(Box::new(Self(context)))
    }
}
