//! Who makes a request's span: begun with its ids and context, ended from the record.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::uri::Scheme;
use http::{HeaderMap, Method, Uri, Version};
use opentelemetry::baggage::{Baggage, BaggageExt as _};
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, global};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use plimsoll_core::ids::{SpanId, TraceId, TraceParent};
use plimsoll_core::names::value;
use plimsoll_core::record::Record;

use super::callers::Callers;
use super::context::Traced;
use super::data;
use super::processor::{BoundedProcessor, Slot};
use super::propagation::{self, Propagation};
use super::sampler::Sampler;
use crate::config::Warning;
use crate::layer::sent::Sent;
use crate::logs::access;
use crate::logs::levels::Switches;

/// Name of the instrumentation scope.
pub(super) const SCOPE: &str = "plimsoll";

/// Bytes of a `User-Agent` that are kept.
const USER_AGENT_MAX: usize = 256;

/// The request's spans of one instance.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(super) maker: Maker,
    pub(super) propagation: Propagation,
    pub(super) callers: Callers,
}

/// Who makes the request's span.
#[derive(Debug)]
pub(crate) enum Maker {
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

impl Maker {
    pub(crate) fn unrecorded() -> Self {
        Self::Unrecorded {
            installed: AtomicBool::new(false),
        }
    }
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
    pub(crate) peer: Option<IpAddr>,
    /// Whether the peer is believed.
    pub(crate) trusted: bool,
    /// Whether unsampled requests go without a context.
    pub(crate) lean: bool,
}

impl Spans {
    pub(crate) fn new(maker: Maker, propagation: Propagation) -> Self {
        Self {
            maker,
            propagation,
            callers: Callers::default(),
        }
    }

    pub(crate) fn own_tracer(&self) -> Option<SdkTracer> {
        match &self.maker {
            Maker::Own(own) => Some(own.provider.tracer(SCOPE)),
            _ => None,
        }
    }

    pub(crate) fn processor(&self) -> Option<&BoundedProcessor> {
        match &self.maker {
            Maker::Own(own) => Some(&own.processor),
            _ => None,
        }
    }

    /// Whether spans that are sampled go anywhere.
    pub(crate) fn are_exported(&self) -> bool {
        matches!(self.maker, Maker::Own(_) | Maker::Join)
    }

    /// Lets a ratio that is set while the service runs stand above the sampler.
    /// The application's own root spans keep the configured one.
    pub(crate) fn follow(&mut self, switches: &Arc<Switches>) {
        if let Maker::Own(own) = &mut self.maker {
            own.switches = Arc::clone(switches);
        }
    }

    /// Makes our provider and propagators the process's own.
    pub(crate) fn install(&self) {
        match &self.maker {
            Maker::Own(own) => {
                global::set_tracer_provider(own.provider.clone());
                self.propagation.install();
            }
            Maker::Unrecorded { installed } => {
                self.propagation.install();
                installed.store(true, Ordering::Relaxed);
            }
            Maker::Off | Maker::Join => {}
        }
    }

    /// Gives a record its trace and span id, and the context that follows the
    /// request. Method, route and path of the record are known by now. Returns
    /// what the operator should know of the caller.
    pub(crate) fn begin(&self, record: &mut Record, start: &Start<'_>) -> Option<Warning> {
        let sent = self.propagation.parent(start.sent.traceparent);
        let mut warning = None;
        if start.trusted {
            record.parent = sent;
        } else if sent.is_some() {
            record.link = sent;
            warning = self.callers.link(start.peer);
        }
        let parent = record.parent;
        record.ids.trace_id = parent.map_or_else(TraceId::random, |parent| parent.trace_id);
        record.ids.span_id = SpanId::random();
        match &self.maker {
            Maker::Off => {}
            Maker::Unrecorded { installed } if !installed.load(Ordering::Relaxed) => {}
            Maker::Unrecorded { .. } => self.attach(record, start),
            Maker::Own(own) => {
                let parent = parent.map(|parent| parent.sampled);
                let sampler = own.switches.sampler(own.sampler);
                record.ids.sampled = sampler.decide(record.ids.trace_id, parent);
                self.attach(record, start);
            }
            Maker::Join => self.join(record, start),
        }
        warning
    }

    /// Puts ids of ours into the context that is current while the request is polled.
    fn attach(&self, record: &mut Record, start: &Start<'_>) {
        if start.lean && !record.ids.sampled {
            // What another request left in the pooled record was cleared.
            if let Some(traced) = Traced::of(record) {
                traced.note(start);
            }
            return;
        }
        let state = self.trace_state(record, start);
        let own = ids(record, state.clone());
        let mut context = Context::map_current(|around| around.with_remote_span_context(own));
        if let Some(baggage) = self.baggage(start) {
            context = context.with_baggage(baggage);
        }
        if let Some(traced) = Traced::of(record) {
            traced.note(start);
            traced.trace_state = state;
            traced.context = Some(context);
        }
    }

    /// What a caller whose context is adopted says beside it.
    fn trace_state(&self, record: &Record, start: &Start<'_>) -> TraceState {
        if start.sent.tracestate.is_none() || record.parent.is_none() {
            return TraceState::NONE;
        }
        let (state, lost) = propagation::trace_state(start.headers);
        self.callers.tracestate.fetch_add(lost, Ordering::Relaxed);
        state
    }

    /// Of a trusted caller only. It goes on to whom the request calls, and on no
    /// span or line by itself.
    fn baggage(&self, start: &Start<'_>) -> Option<Baggage> {
        if start.sent.baggage.is_none() || !start.trusted || !self.propagation.baggage {
            return None;
        }
        let (baggage, lost) = propagation::baggage(start.headers);
        self.callers.baggage.fetch_add(lost, Ordering::Relaxed);
        Some(baggage)
    }

    /// Begins a span by the host's tracer. An active span of the host's is its
    /// parent, else a trusted caller's.
    fn join(&self, record: &mut Record, start: &Start<'_>) {
        let mut around = Context::current();
        if let Some(parent) = record.parent.filter(|_| !around.has_active_span()) {
            let state = self.trace_state(record, start);
            around = around.with_remote_span_context(remote(parent, state));
            if let Some(baggage) = self.baggage(start) {
                around = around.with_baggage(baggage);
            }
        }
        if let Some(traced) = Traced::of(record) {
            traced.note(start);
        }
        let Some(traced) = Traced::seen(record) else {
            return;
        };
        let mut attributes = data::at_start(record, traced);
        data::who(record, traced, &mut attributes);
        let mut builder = SpanBuilder::from_name(data::name(record))
            .with_kind(SpanKind::Server)
            .with_attributes(attributes);
        if let Some(link) = record.link {
            let link = Link::with_context(remote(link, TraceState::NONE));
            builder = builder.with_links(vec![link]);
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

    /// Room for the span of a finished record, if it is to be exported.
    pub(crate) fn reserve(&self, record: &Record) -> Option<Slot<'_>> {
        match &self.maker {
            Maker::Own(own) if record.ids.sampled => own.processor.reserve(None),
            Maker::Own(own) if own.keep => own.processor.reserve(Some(record.keep?)),
            _ => None,
        }
    }

    /// Whether a host's tracer records the span.
    pub(crate) fn hands_on(&self, record: &Record) -> bool {
        matches!(self.maker, Maker::Join) && record.ids.sampled
    }

    /// Ends the span that a host's tracer began.
    pub(crate) fn end(&self, record: &Record) {
        let Maker::Join = self.maker else {
            return;
        };
        let Some(traced) = Traced::seen(record) else {
            return;
        };
        let Some(context) = &traced.context else {
            return;
        };
        let span = context.span();
        if span.is_recording() {
            let mut attributes = Vec::with_capacity(data::ATTRIBUTES);
            data::at_end(record, &mut attributes);
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

/// The ids of a record as the context of a span of this process.
pub(super) fn ids(record: &Record, state: TraceState) -> SpanContext {
    SpanContext::new(
        record.ids.trace_id.0.into(),
        record.ids.span_id.0.into(),
        TraceFlags::default().with_sampled(record.ids.sampled),
        false,
        state,
    )
}

/// A caller's ids.
pub(super) fn remote(of: TraceParent, state: TraceState) -> SpanContext {
    SpanContext::new(
        of.trace_id.0.into(),
        of.span_id.0.into(),
        TraceFlags::default().with_sampled(of.sampled),
        true,
        state,
    )
}
