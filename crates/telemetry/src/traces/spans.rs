//! Who makes a request's span: begun with its ids and context, ended from the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::uri::Scheme;
use http::{HeaderMap, Method, Uri, Version};
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, global};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use plimsoll_core::ids::{SpanId, TraceId, TraceParent};
use plimsoll_core::names::value;
use plimsoll_core::record::Record;

use super::context::Traced;
use super::data;
use super::processor::{BoundedProcessor, Slot};
use super::sampler::Sampler;
use crate::layer::sent::Sent;
use crate::logs::access;
use crate::logs::levels::Switches;

/// Name of the instrumentation scope.
pub(super) const SCOPE: &str = "plimsoll";

/// Bytes of a `User-Agent` that are kept.
const USER_AGENT_MAX: usize = 256;

/// Who makes the request's span.
#[derive(Debug)]
pub(crate) enum Spans {
    /// Nobody; nothing is attached.
    Off,
    /// Nobody records. Once we own the process's tracing the request's ids travel
    /// in the context all the same; before, they would be the unsampled parent of
    /// a host's own spans, and it would keep none of them.
    Unrecorded { installed: AtomicBool },
    /// We do, from the record; our own provider takes the application's spans.
    Own(Own),
    /// The host's global provider; where it has none, nobody.
    Join,
}

/// What exports spans of ours.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) provider: SdkTracerProvider,
    pub(crate) processor: BoundedProcessor,
    pub(crate) sampler: Sampler,
    pub(crate) switches: Arc<Switches>,
    /// Whether the span of a request that ends badly is exported although the
    /// sampler said no.
    pub(crate) keep: bool,
}

/// What a request says of its trace before anything is done.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    /// The headers that were found already.
    pub(crate) sent: &'a Sent<'a>,
    /// Whether its peer is believed.
    pub(crate) trusted: bool,
    /// Whether unsampled requests go without a context.
    pub(crate) lean: bool,
}

impl Spans {
    pub(crate) fn own_tracer(&self) -> Option<SdkTracer> {
        match self {
            Self::Own(own) => Some(own.provider.tracer(SCOPE)),
            _ => None,
        }
    }

    pub(crate) fn processor(&self) -> Option<&BoundedProcessor> {
        match self {
            Self::Own(own) => Some(&own.processor),
            _ => None,
        }
    }

    /// Whether spans that are sampled go anywhere.
    pub(crate) fn are_exported(&self) -> bool {
        matches!(self, Self::Own(_) | Self::Join)
    }

    /// Lets a ratio that is set while the service runs stand above the sampler.
    /// The application's own root spans keep the configured one.
    pub(crate) fn follow(&mut self, switches: &Arc<Switches>) {
        if let Self::Own(own) = self {
            own.switches = Arc::clone(switches);
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
            Self::Own(own) => {
                global::set_tracer_provider(own.provider.clone());
                global::set_text_map_propagator(TraceContextPropagator::new());
            }
            Self::Unrecorded { installed } => {
                global::set_text_map_propagator(TraceContextPropagator::new());
                installed.store(true, Ordering::Relaxed);
            }
            Self::Off | Self::Join => {}
        }
    }

    /// Gives a record its trace and span id, and the context that follows the
    /// request. Method, route and path of the record are known by now.
    pub(crate) fn begin(&self, record: &mut Record, start: &Start<'_>) {
        let sent = start.sent.traceparent;
        let sent = sent.and_then(|value| TraceParent::parse(value.as_bytes()));
        (record.parent, record.link) = if start.trusted {
            (sent, None)
        } else {
            (None, sent)
        };
        let parent = record.parent;
        record.ids.trace_id = parent.map_or_else(TraceId::random, |parent| parent.trace_id);
        record.ids.span_id = SpanId::random();
        record.ids.sampled = match self {
            Self::Own(own) => {
                let parent = parent.map(|parent| parent.sampled);
                let sampler = own.switches.sampler(own.sampler);
                sampler.decide(record.ids.trace_id, parent)
            }
            _ => false,
        };
        match self {
            Self::Off => {}
            Self::Unrecorded { installed } if !installed.load(Ordering::Relaxed) => {}
            Self::Own(_) | Self::Unrecorded { .. } if start.lean && !record.ids.sampled => {
                // What another request left in the pooled record was cleared.
                if let Some(traced) = Traced::of(record) {
                    traced.note(start);
                }
            }
            Self::Own(_) | Self::Unrecorded { .. } => {
                let own = ids(record);
                let Some(traced) = Traced::of(record) else {
                    return;
                };
                traced.note(start);
                let context = Context::map_current(|around| around.with_remote_span_context(own));
                traced.context = Some(context);
            }
            Self::Join => join(record, start),
        }
    }

    /// Room for the span of a finished record, if it is to be exported.
    pub(crate) fn reserve(&self, record: &Record) -> Option<Slot<'_>> {
        match self {
            Self::Own(own) if record.ids.sampled => own.processor.reserve(None),
            Self::Own(own) if own.keep => own.processor.reserve(Some(record.keep?)),
            _ => None,
        }
    }

    /// Whether a host's tracer records the span.
    pub(crate) fn hands_on(&self, record: &Record) -> bool {
        matches!(self, Self::Join) && record.ids.sampled
    }

    /// Ends the span that a host's tracer began.
    pub(crate) fn end(&self, record: &Record) {
        let Self::Join = self else { return };
        let Some(traced) = Traced::seen(record) else {
            return;
        };
        let Some(context) = &traced.context else {
            return;
        };
        let span = context.span();
        if span.is_recording() {
            let mut attributes = Vec::with_capacity(data::ATTRIBUTES);
            data::at_end(record, traced, &mut attributes);
            span.set_attributes(attributes);
            if data::failed(record) {
                span.set_status(Status::error(""));
            }
            span.end();
        }
    }
}

impl Traced {
    /// Notes what the span says of the request and the record does not hold.
    fn note(&mut self, start: &Start<'_>) {
        self.version = start.version;
        self.https = https(start);
        if let Some(agent) = start.sent.user_agent {
            let agent = &agent.as_bytes()[..agent.len().min(USER_AGENT_MAX)];
            self.user_agent.extend_from_slice(agent);
        }
        if plimsoll_core::outcome::method_label(start.method) == value::OTHER {
            self.method = Some(access::shortened(start.method.as_str()).into());
        }
    }
}

/// What a trusted proxy says of its client's connection, else what the request
/// line says, which is nothing but over HTTP/2.
fn https(start: &Start<'_>) -> bool {
    let forwarded = || start.headers.get("x-forwarded-proto");
    match start.trusted.then(forwarded).flatten() {
        Some(scheme) => scheme.as_bytes().eq_ignore_ascii_case(b"https"),
        None => start.uri.scheme() == Some(&Scheme::HTTPS),
    }
}

fn join(record: &mut Record, start: &Start<'_>) {
    let around = Context::current();
    let around = match record.parent {
        Some(parent) if !around.has_active_span() => {
            around.with_remote_span_context(remote(parent))
        }
        _ => around,
    };
    let Some(traced) = Traced::of(record) else {
        return;
    };
    traced.note(start);
    let Some(traced) = Traced::seen(record) else {
        return;
    };
    let mut builder = SpanBuilder::from_name(data::name(record))
        .with_kind(SpanKind::Server)
        .with_attributes(data::at_start(record, traced));
    if let Some(link) = record.link {
        builder = builder.with_links(vec![Link::with_context(remote(link))]);
    }
    let span = global::tracer(SCOPE).build_with_context(builder, &around);
    let ids = span.span_context().clone();
    if !ids.is_valid() {
        // The host's tracer is not the global one. Ids of ours would be the
        // unsampled parent of its spans, and it would keep none of them.
        return;
    }
    record.ids.trace_id = TraceId(u128::from_be_bytes(ids.trace_id().to_bytes()));
    record.ids.span_id = SpanId(u64::from_be_bytes(ids.span_id().to_bytes()));
    record.ids.sampled = ids.is_sampled();
    if let Some(traced) = Traced::of(record) {
        traced.context = Some(around.with_span(span));
    }
}

/// The ids of a record as the context of a span of this process.
pub(super) fn ids(record: &Record) -> SpanContext {
    let state = Traced::seen(record).map_or(TraceState::NONE, |it| it.trace_state.clone());
    SpanContext::new(
        record.ids.trace_id.0.into(),
        record.ids.span_id.0.into(),
        TraceFlags::default().with_sampled(record.ids.sampled),
        false,
        state,
    )
}

/// A caller's ids.
pub(super) fn remote(of: TraceParent) -> SpanContext {
    SpanContext::new(
        of.trace_id.0.into(),
        of.span_id.0.into(),
        TraceFlags::default().with_sampled(of.sampled),
        true,
        TraceState::NONE,
    )
}
