//! The envelope every OpenSLO document has: version, kind, metadata, spec.

use super::fields::{Fields, Text};
use super::scalars;
use super::sink::Sink;
use super::tree::{Node, Value};

const API_VERSION: &str = "openslo/v1";
const PREFIX: &str = "plimsoll.dev/";

/// The kinds that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Slo,
    Sli,
    Service,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Slo => "SLO",
            Self::Sli => "SLI",
            Self::Service => "Service",
        }
    }
}

pub(super) struct Document<'a> {
    pub(super) kind: Kind,
    pub(super) name: Text<'a>,
    pub(super) display_name: Option<Text<'a>>,
    pub(super) annotations: Annotations<'a>,
    pub(super) spec: &'a Node,
    pub(super) sink: &'a Sink<'a>,
}

/// What Plimsoll reads from `metadata.annotations`.
#[derive(Default)]
pub(super) struct Annotations<'a> {
    pub(super) class: Option<Text<'a>>,
    pub(super) runbook: Option<Text<'a>>,
    pub(super) owner: Option<Text<'a>>,
}

impl<'a> Document<'a> {
    pub(super) fn read(node: &'a Node, sink: &'a Sink<'a>) -> Option<Self> {
        let fields = Fields::of(node, "document", sink)?;
        let version = fields.text("apiVersion", "begin it with `apiVersion: openslo/v1`");
        let kind = fields.text("kind", "add `kind: SLO`");
        if let Some(version) = version.filter(|version| version.text != API_VERSION) {
            sink.report(
                version.at,
                format!("apiVersion `{}` is not supported", version.text),
                format!("write `{API_VERSION}`"),
            );
        }
        let kind = kind.and_then(|kind| read_kind(kind, sink));
        let metadata = fields.mapping("metadata", "metadata", "add `metadata:` with a `name`");
        let spec = fields.required("spec", "add `spec:`");
        fields.done();
        let metadata = metadata?;
        let name = metadata.text("name", "add a `name`").inspect(|name| {
            scalars::dns_label(*name, "name", sink);
        });
        let display_name = metadata.optional_text("displayName");
        metadata.optional("labels");
        let annotations = metadata
            .optional("annotations")
            .map(|entry| Annotations::read(&entry.value, sink))
            .unwrap_or_default();
        metadata.done();
        let document = Self {
            kind: kind?,
            name: name?,
            display_name,
            annotations,
            spec: &spec?.value,
            sink,
        };
        if document.kind == Kind::Service {
            document.read_service();
        }
        Some(document)
    }

    fn read_service(&self) {
        if let Some(fields) = Fields::of(self.spec, "Service spec", self.sink) {
            fields.optional_text("description");
            fields.done();
        }
    }
}

fn read_kind(kind: Text<'_>, sink: &Sink<'_>) -> Option<Kind> {
    match kind.text {
        "SLO" => Some(Kind::Slo),
        "SLI" => Some(Kind::Sli),
        "Service" => Some(Kind::Service),
        other => {
            let (what, fix) = match other {
                "AlertPolicy" | "AlertCondition" | "AlertNotificationTarget" => (
                    "is not supported",
                    "remove it: burn-rate alerts are generated from each SLO",
                ),
                "DataSource" => (
                    "is not supported",
                    "remove it: every query goes to Prometheus or to /metrics",
                ),
                _ => ("is unknown", "use SLO, SLI or Service"),
            };
            sink.report(kind.at, format!("kind `{other}` {what}"), fix);
            None
        }
    }
}

impl<'a> Annotations<'a> {
    fn read(node: &'a Node, sink: &'a Sink<'a>) -> Self {
        let mut read = Self::default();
        let Some(fields) = Fields::of(node, "annotations", sink) else {
            return read;
        };
        for entry in fields.all() {
            let Value::Scalar { .. } = entry.value.value else {
                fields.scalar(entry);
                continue;
            };
            let Some(key) = entry.key.strip_prefix(PREFIX) else {
                continue;
            };
            let value = fields.scalar(entry);
            match key {
                "class" => read.class = value,
                "runbook" => read.runbook = value,
                "owner" => read.owner = value,
                _ => sink.report(
                    entry.at,
                    format!("unknown annotation `{}`", entry.key),
                    "use plimsoll.dev/class, plimsoll.dev/runbook or plimsoll.dev/owner",
                ),
            }
        }
        read
    }
}
