//! The host: JSON lines, a layer that looks at spans, a tracer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use plimsoll_testkit::capture::Lines;
use plimsoll_testkit::otlp::{Span, attribute};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

/// What the host set on its spans, and what is compared.
const FIELDS: [&str; 3] = ["card", "found", "verb"];

pub(crate) struct Host {
    lines: Lines,
    looks: Looks,
    spans: InMemorySpanExporter,
    provider: SdkTracerProvider,
}

/// Everything that is the host's own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// Its JSON lines without their times.
    pub(crate) lines: Vec<Value>,
    /// Name, parent and fields of each `tracing` span.
    pub(crate) spans: Vec<Looked>,
    /// Name and fields of each exported span, in order of the alphabet.
    pub(crate) exported: Vec<String>,
}

impl Host {
    /// Makes its tracer and propagator the process's own: tests come one by one.
    pub(crate) fn new(ratio: f64) -> Self {
        let spans = InMemorySpanExporter::default();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .with_sampler(sampler)
            .build();
        global::set_tracer_provider(provider.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
        Self {
            lines: Lines::default(),
            looks: Looks::default(),
            spans,
            provider,
        }
    }

    /// Its subscriber on this thread, with layers of a guest in it.
    pub(crate) fn subscribe(
        &self,
        own_traces: bool,
        guest: Vec<Box<dyn Layer<Registry> + Send + Sync>>,
    ) -> DefaultGuard {
        let output = self.lines.clone();
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .without_time()
            .with_writer(move || output.clone())
            .with_filter(tracing_subscriber::filter::LevelFilter::INFO);
        let tracer = self.provider.tracer("host");
        let tracer = own_traces.then(|| tracing_opentelemetry::layer().with_tracer(tracer));
        let subscriber = tracing_subscriber::registry()
            .with(guest)
            .with(lines)
            .with(self.looks.clone())
            .with(tracer);
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn seen(&self) -> Seen {
        let finished = self.spans.get_finished_spans().unwrap();
        let mut exported: Vec<_> = finished.iter().map(of_sdk).collect();
        exported.sort();
        // What we or a client say is not the host's.
        let mut lines = self.lines.all();
        lines.retain(|line| line["target"].as_str().unwrap().starts_with("host_keeps"));
        let mut spans = self.looks.0.lock().unwrap().clone();
        spans.retain(|_, span| span.target.starts_with("host_keeps"));
        Seen {
            lines,
            spans: spans.into_values().collect(),
            exported,
        }
    }
}

/// The host's fields of an exported span.
fn text(name: &str, field: impl Fn(&str) -> Option<String>) -> String {
    let fields = FIELDS.iter().filter_map(|key| Some((key, field(key)?)));
    let fields: BTreeMap<_, _> = fields.collect();
    format!("{name} {fields:?}")
}

pub(crate) fn exported(span: &Span) -> String {
    text(&span.name, |key| attribute(span, key))
}

fn of_sdk(span: &SpanData) -> String {
    text(&span.name, |wanted| {
        let mut all = span.attributes.iter();
        let found = all.find(|pair| pair.key.as_str() == wanted)?;
        Some(found.value.to_string())
    })
}

/// A layer that remembers every span.
#[derive(Debug, Clone, Default)]
struct Looks(Arc<Mutex<BTreeMap<u64, Looked>>>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Looked {
    name: &'static str,
    target: &'static str,
    parent: Option<&'static str>,
    fields: BTreeMap<&'static str, String>,
    entered: usize,
}

impl Visit for Looked {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

impl<S> Layer<S> for Looks
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut looked = Looked {
            name: span.name(),
            target: span.metadata().target(),
            parent: span.parent().map(|parent| parent.name()),
            fields: BTreeMap::new(),
            entered: 0,
        };
        attributes.record(&mut looked);
        self.0.lock().unwrap().insert(id.into_u64(), looked);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(looked) = self.0.lock().unwrap().get_mut(&id.into_u64()) {
            values.record(looked);
        }
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        if let Some(looked) = self.0.lock().unwrap().get_mut(&id.into_u64()) {
            looked.entered = 1;
        }
    }
}
