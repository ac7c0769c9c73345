//! Indicators: inline, or documents of kind SLI that an SLO refers to.

use std::collections::BTreeMap;

use super::document::{Document, Kind};
use super::fields::Fields;
use super::scalars;
use super::sink::Sink;
use super::tree::Node;
use crate::model::Sli;
use crate::query::Query;

/// The SLI documents of the input by name. A broken one is there as `None`, so
/// that a reference to it adds no second fault.
pub(super) struct Indicators<'a>(BTreeMap<&'a str, Option<Sli>>);

impl<'a> Indicators<'a> {
    pub(super) fn read(documents: &[Document<'a>]) -> Self {
        Self(
            documents
                .iter()
                .filter(|document| document.kind == Kind::Sli)
                .map(|document| (document.name.text, read_spec(document.spec, document.sink)))
                .collect(),
        )
    }

    /// The indicator of an SLO, from `indicator` or `indicatorRef`.
    pub(super) fn of(&self, slo: &Fields<'a>, sink: &'a Sink<'a>) -> Option<Sli> {
        let inline = slo.optional("indicator");
        let reference = slo.optional_text("indicatorRef");
        match (inline, reference) {
            (Some(entry), None) => read_inline(&entry.value, sink),
            (None, Some(name)) => self.0.get(name.text).cloned().unwrap_or_else(|| {
                sink.report(
                    name.at,
                    format!("indicatorRef `{}` names no SLI of the input", name.text),
                    "add the SLI document, or give its file too",
                );
                None
            }),
            (Some(entry), Some(_)) => {
                sink.report(
                    entry.at,
                    "both `indicator` and `indicatorRef`",
                    "keep one of them",
                );
                None
            }
            (None, None) => {
                sink.report(
                    slo.at,
                    "SLO spec lacks `indicator`",
                    "add `indicator` with a ratioMetric, or `indicatorRef`",
                );
                None
            }
        }
    }
}

fn read_inline<'a>(node: &'a Node, sink: &'a Sink<'a>) -> Option<Sli> {
    let fields = Fields::of(node, "indicator", sink)?;
    if let Some(metadata) = fields.optional("metadata") {
        let metadata = Fields::of(&metadata.value, "indicator metadata", sink)?;
        if let Some(name) = metadata.text("name", "add a `name`") {
            scalars::dns_label(name, "name", sink);
        }
        metadata.optional_text("displayName");
        metadata.optional("labels");
        metadata.optional("annotations");
        metadata.done();
    }
    let spec = fields.required("spec", "add `spec:` with a ratioMetric");
    fields.done();
    read_spec(&spec?.value, sink)
}

fn read_spec<'a>(node: &'a Node, sink: &'a Sink<'a>) -> Option<Sli> {
    let fields = Fields::of(node, "SLI spec", sink)?;
    fields.optional_text("description");
    fields.refuse(
        "thresholdMetric",
        "only ratios of counters are read",
        "count good and valid events in a ratioMetric",
    );
    let ratio = fields.mapping(
        "ratioMetric",
        "ratioMetric",
        "add `ratioMetric:` with counter, good and total",
    );
    fields.done();
    read_ratio(&ratio?, sink)
}

fn read_ratio<'a>(fields: &Fields<'a>, sink: &'a Sink<'a>) -> Option<Sli> {
    if let Some(counter) = fields.text("counter", "add `counter: true`")
        && !scalars::is_true(counter, "counter", sink)
    {
        sink.report(
            counter.at,
            "`counter: false` is not supported",
            "name ever-growing counters and write true",
        );
    }
    for name in ["raw", "rawType"] {
        fields.refuse(
            name,
            "only good, bad and total are read",
            "give good and total",
        );
    }
    let (good, bad) = (fields.optional("good"), fields.optional("bad"));
    if let (Some(_), Some(bad)) = (good, bad) {
        sink.report(bad.at, "both `good` and `bad`", "keep one of them");
    }
    if good.is_none() && bad.is_none() {
        sink.report(
            fields.at,
            "ratioMetric lacks `good`",
            "add `good` (or `bad`) beside `total`",
        );
    }
    let total = fields.required("total", "add `total`, the valid events");
    let good = good.map(|entry| read_metric(&entry.value, sink));
    let bad = bad.map(|entry| read_metric(&entry.value, sink));
    let total = read_metric(&total?.value, sink)?;
    let good = match (good, bad) {
        (Some(good), _) => good?,
        (None, Some(bad)) => total.minus(&bad?),
        (None, None) => return None,
    };
    Some(Sli::Ratio { good, total })
}

fn read_metric<'a>(node: &'a Node, sink: &'a Sink<'a>) -> Option<Query> {
    let fields = Fields::of(node, "metric", sink)?;
    let source = fields.mapping(
        "metricSource",
        "metricSource",
        "add `metricSource:` with type and spec",
    );
    fields.done();
    let source = source?;
    source.refuse(
        "metricSourceRef",
        "every query goes to Prometheus or to /metrics",
        "remove it and write `type: Prometheus`",
    );
    if let Some(kind) = source.text("type", "write `type: Prometheus`")
        && !kind.text.eq_ignore_ascii_case("prometheus")
    {
        sink.report(
            kind.at,
            format!("metric source type `{}` is not supported", kind.text),
            "write `type: Prometheus`",
        );
    }
    let spec = source.mapping(
        "spec",
        "metric source spec",
        "add `spec:` with a PromQL `query`",
    );
    source.done();
    let spec = spec?;
    let query = spec.text("query", "add `query:` with PromQL");
    spec.done();
    let query = query?;
    Query::parse(query.text)
        .map_err(|error| sink.report(query.at, error.to_string(), error.fix()))
        .ok()
}
