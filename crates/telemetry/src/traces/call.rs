//! Spans and trace context of outgoing calls.

use std::borrow::Cow;
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};
use opentelemetry::propagation::{Injector, TextMapPropagator as _};
use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceState, Tracer as _,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, global};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::BaggagePropagator;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks, SpanProcessor as _};
use plimsoll_core::current;
use plimsoll_core::ids::{SpanId as Id, TraceId, TraceParent};
use plimsoll_core::names::value;

use super::spans::{Maker, Own, SCOPE, Spans};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// What is known of a call when it begins.
#[derive(Debug)]
pub(crate) struct CallStart {
    pub(crate) method: &'static str,
    pub(crate) original: Option<String>,
    pub(crate) template: Option<&'static str>,
    pub(crate) server: String,
    pub(crate) port: u16,
    pub(crate) url: String,
    pub(crate) resend: u32,
    /// Service and method.
    pub(crate) rpc: Option<(Box<str>, Box<str>)>,
}

/// What is known of a call when it has ended.
#[derive(Debug)]
pub(crate) struct CallEnd {
    pub(crate) started: SystemTime,
    pub(crate) ended: SystemTime,
    pub(crate) status: u16,
    pub(crate) grpc: Option<u16>,
    /// Empty when a status tells.
    pub(crate) error: &'static str,
}

/// A call's ids, and its span when it is recorded.
#[derive(Debug)]
pub(crate) struct Outgoing {
    carried: Carried,
    span: Option<CallSpan>,
}

#[derive(Debug)]
enum Carried {
    /// Written by us: the ids, and the baggage of the active context.
    Ids(SpanContext),
    /// Written by the host's propagators.
    Host(Context),
}

/// The recorded span of a call.
#[derive(Debug)]
pub(crate) enum CallSpan {
    /// Ours, made when it ends.
    Own(Box<OwnSpan>),
    /// Begun by a tracer.
    Begun(Context),
}

#[derive(Debug)]
pub(crate) struct OwnSpan {
    ids: SpanContext,
    parent: SpanId,
    parent_is_remote: bool,
    start: CallStart,
}

/// Whether what happens here is telemetry's own doing.
pub(crate) fn suppressed() -> bool {
    Context::is_current_telemetry_suppressed()
}

/// Says that what this thread does is telemetry's own doing, until it is dropped.
#[cfg(any(feature = "otlp-logs", feature = "otlp-metrics"))]
pub(crate) fn quiet() -> impl Drop {
    Context::enter_telemetry_suppressed_scope()
}

/// The active span's ids, else the current request's.
fn here() -> Option<SpanContext> {
    let active = Context::map_current(|here| {
        let span = here.span();
        let ids = span.span_context();
        ids.is_valid().then(|| ids.clone())
    });
    active.or_else(|| {
        let ids = current::ids()?;
        Some(SpanContext::new(
            ids.trace_id.0.into(),
            ids.span_id.0.into(),
            TraceFlags::default().with_sampled(ids.sampled),
            false,
            TraceState::NONE,
        ))
    })
}

impl Spans {
    /// Begins a call; `start` is asked only when it is recorded. `None` when there
    /// is nothing to carry.
    pub(crate) fn call(&self, start: impl FnOnce() -> CallStart) -> Option<Outgoing> {
        match &self.maker {
            Maker::Off => None,
            Maker::Unrecorded { .. } => here().map(|ids| Outgoing::of(Carried::Ids(ids))),
            Maker::Own(own) => Some(own.call(start)),
            Maker::Join => {
                let around = Context::current();
                let tracer = global::tracer(SCOPE);
                let span = tracer.build_with_context(builder(&start()), &around);
                let context = around.with_span(span);
                if !context.span().span_context().is_valid() {
                    // The host's tracer is not the global one.
                    return Some(Outgoing::of(Carried::Host(around)));
                }
                Some(Outgoing {
                    carried: Carried::Host(context.clone()),
                    span: Some(CallSpan::Begun(context)),
                })
            }
        }
    }

    /// Adds the trace context without a span of the call's own.
    pub(crate) fn inject(&self, headers: &mut HeaderMap, overwrite: bool) {
        let carried = match &self.maker {
            Maker::Off => return,
            Maker::Own { .. } | Maker::Unrecorded { .. } => here().map(Carried::Ids),
            Maker::Join => Some(Carried::Host(Context::current())),
        };
        if let Some(carried) = carried {
            Outgoing::of(carried).inject(self, headers, overwrite);
        }
    }
}

impl Own {
    /// A span within the active one, or the first of a trace.
    fn call(&self, start: impl FnOnce() -> CallStart) -> Outgoing {
        let parent = match here() {
            Some(parent) if !parent.is_sampled() => return Outgoing::of(Carried::Ids(parent)),
            parent => parent,
        };
        let sampled = |trace_id| self.sampler.decide(trace_id, None);
        let (trace, flags) = if let Some(parent) = &parent {
            (parent.trace_id(), parent.trace_flags())
        } else {
            let trace = TraceId::random();
            let flags = TraceFlags::default().with_sampled(sampled(trace));
            (trace.0.into(), flags)
        };
        let ids = SpanContext::new(
            trace,
            Id::random().0.into(),
            flags,
            false,
            parent
                .as_ref()
                .map_or(TraceState::NONE, |parent| parent.trace_state().clone()),
        );
        let span = ids.is_sampled().then(|| {
            CallSpan::Own(Box::new(OwnSpan {
                ids: ids.clone(),
                parent: parent
                    .as_ref()
                    .map_or(SpanId::INVALID, SpanContext::span_id),
                parent_is_remote: parent.as_ref().is_some_and(SpanContext::is_remote),
                start: start(),
            }))
        });
        Outgoing {
            carried: Carried::Ids(ids),
            span,
        }
    }
}

impl Outgoing {
    fn of(carried: Carried) -> Self {
        Self {
            carried,
            span: None,
        }
    }

    /// Adds the call's trace context to its headers.
    pub(crate) fn inject(
        self,
        spans: &Spans,
        headers: &mut HeaderMap,
        overwrite: bool,
    ) -> Option<CallSpan> {
        let taken = |name: &str| !overwrite && headers.contains_key(name);
        // A state belongs to its parent: whoever set one of the two keeps both.
        let mut only = OnlyNew {
            trace: !taken(TRACEPARENT) && !taken(TRACESTATE),
            overwrite,
            headers,
        };
        match &self.carried {
            Carried::Ids(ids) => {
                if only.trace && spans.propagation.trace_context {
                    write(only.headers, ids);
                }
                if spans.propagation.baggage {
                    Context::map_current(|here| {
                        BaggagePropagator::new().inject_context(here, &mut only);
                    });
                }
            }
            Carried::Host(context) => global::get_text_map_propagator(|propagator| {
                propagator.inject_context(context, &mut only);
            }),
        }
        self.span
    }
}

/// Leaves alone what the caller set.
struct OnlyNew<'a> {
    trace: bool,
    overwrite: bool,
    headers: &'a mut HeaderMap,
}

impl Injector for OnlyNew<'_> {
    fn set(&mut self, key: &str, value: String) {
        let may = match key {
            TRACEPARENT | TRACESTATE => self.trace,
            _ => self.overwrite || !self.headers.contains_key(key),
        };
        if may {
            HeaderInjector(self.headers).set(key, value);
        }
    }
}

/// W3C Trace Context: `traceparent` and, when there is one, `tracestate`.
fn write(headers: &mut HeaderMap, ids: &SpanContext) {
    let parent = TraceParent {
        trace_id: TraceId(u128::from_be_bytes(ids.trace_id().to_bytes())),
        span_id: Id(u64::from_be_bytes(ids.span_id().to_bytes())),
        sampled: ids.is_sampled(),
    };
    if let Ok(parent) = HeaderValue::try_from(parent.to_string()) {
        headers.insert(TRACEPARENT, parent);
    }
    let state = ids.trace_state().header();
    match HeaderValue::try_from(state) {
        Ok(state) if !state.is_empty() => _ = headers.insert(TRACESTATE, state),
        _ => _ = headers.remove(TRACESTATE),
    }
}

impl CallSpan {
    /// Ends the span.
    pub(crate) fn end(self, spans: &Spans, end: &CallEnd) {
        let failed =
            end.status >= 400 || end.grpc.is_some_and(|code| code != 0) || !end.error.is_empty();
        let status = if failed {
            Status::error("")
        } else {
            Status::Unset
        };
        match self {
            Self::Begun(context) => {
                let span = context.span();
                if span.is_recording() {
                    span.set_attributes(at_end(end));
                    if failed {
                        span.set_status(status);
                    }
                    span.end_with_timestamp(end.ended);
                }
            }
            Self::Own(own) => {
                let Some(processor) = spans.processor() else {
                    return;
                };
                let OwnSpan {
                    ids,
                    parent,
                    parent_is_remote,
                    start,
                } = *own;
                let name = name(&start);
                let mut attributes = at_start(&start);
                attributes.extend(at_end(end));
                processor.on_end(SpanData {
                    span_context: ids,
                    parent_span_id: parent,
                    parent_span_is_remote: parent_is_remote,
                    span_kind: SpanKind::Client,
                    name,
                    start_time: end.started,
                    end_time: end.ended,
                    attributes,
                    dropped_attributes_count: 0,
                    events: SpanEvents::default(),
                    links: SpanLinks::default(),
                    status,
                    instrumentation_scope: InstrumentationScope::builder(SCOPE).build(),
                });
            }
        }
    }
}

fn builder(start: &CallStart) -> SpanBuilder {
    SpanBuilder::from_name(name(start))
        .with_kind(SpanKind::Client)
        .with_attributes(at_start(start))
}

/// `{method}` or `{method} {template}`; the full method for gRPC.
fn name(start: &CallStart) -> Cow<'static, str> {
    if let Some((service, method)) = &start.rpc {
        return format!("{service}/{method}").into();
    }
    let method = match start.method {
        value::OTHER => "HTTP",
        method => method,
    };
    match start.template {
        Some(template) => format!("{method} {template}").into(),
        None => method.into(),
    }
}

/// By the semantic conventions for HTTP and RPC clients.
fn at_start(start: &CallStart) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(12);
    let mut add = |key: &'static str, value: opentelemetry::Value| {
        attributes.push(KeyValue::new(key, value));
    };
    add("server.address", start.server.clone().into());
    if start.port != 0 {
        add("server.port", i64::from(start.port).into());
    }
    if let Some((service, method)) = &start.rpc {
        add("rpc.system", "grpc".into());
        add("rpc.service", service.to_string().into());
        add("rpc.method", method.to_string().into());
        return attributes;
    }
    add("http.request.method", start.method.into());
    if let Some(original) = &start.original {
        add("http.request.method_original", original.clone().into());
    }
    add("url.full", start.url.clone().into());
    if let Some(template) = start.template {
        add("url.template", template.into());
    }
    if start.resend > 0 {
        add("http.request.resend_count", i64::from(start.resend).into());
    }
    attributes
}

fn at_end(end: &CallEnd) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(3);
    if end.status != 0 && end.grpc.is_none() {
        let status = i64::from(end.status);
        attributes.push(KeyValue::new("http.response.status_code", status));
    }
    if let Some(code) = end.grpc {
        attributes.push(KeyValue::new("rpc.grpc.status_code", i64::from(code)));
    }
    let error: Option<Cow<'static, str>> = match (end.error, end.grpc, end.status) {
        ("", None, 400..) => Some(end.status.to_string().into()),
        ("", Some(code @ 1..), _) => Some(code.to_string().into()),
        ("", _, _) => None,
        (error, _, _) => Some(error.into()),
    };
    if let Some(error) = error {
        attributes.push(KeyValue::new("error.type", error));
    }
    attributes
}
