//! How the traces are made.

use tracing::Level;
use tracing_subscriber::filter::Targets;

use super::Builder;
use crate::config::{Ownership, Warning};
use crate::traces;

/// What the traces can be told.
pub(crate) struct TracesConfig {
    pub(crate) of: Ownership,
    pub(crate) endpoint: Option<String>,
    pub(crate) ratio: Option<f64>,
    /// Stands above `OTEL_TRACES_SAMPLER`.
    pub(crate) operator_ratio: Option<f64>,
    pub(crate) keep: bool,
    pub(crate) details: bool,
    pub(crate) lean: bool,
    pub(crate) filter: String,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            of: Ownership::Own,
            endpoint: None,
            ratio: None,
            operator_ratio: None,
            keep: true,
            details: false,
            lean: false,
            filter: DEFAULT_FILTER.into(),
        }
    }
}

/// Which of the application's spans go into traces unless told otherwise.
const DEFAULT_FILTER: &str = "info";

impl TracesConfig {
    /// What goes into traces; directives that cannot be read warn.
    pub(super) fn wanted(&self, warnings: &mut Vec<Warning>) -> Targets {
        traces::wanted(&self.filter).unwrap_or_else(|error| {
            let problem = format!("{:?}: {error}; `{DEFAULT_FILTER}` is used", self.filter);
            warnings.push(Warning::new("PLIMSOLL_TRACE_FILTER", problem));
            Targets::new().with_default(Level::INFO)
        })
    }
}

impl Builder {
    /// Whose the traces are. Default: own, exported once an endpoint is named.
    #[must_use]
    pub fn traces(mut self, of: Ownership) -> Self {
        self.traces.of = of;
        self
    }

    /// Full address of an OTLP traces endpoint; `OTEL_EXPORTER_OTLP_*` stands
    /// above it. Default: none, and nothing is exported.
    #[must_use]
    pub fn otlp(mut self, endpoint: impl Into<String>) -> Self {
        self.traces.endpoint = Some(endpoint.into());
        self
    }

    /// Share of requests without a trusted parent whose spans are exported, 0 to
    /// 1; `OTEL_TRACES_SAMPLER` stands above it. Default: all.
    #[must_use]
    pub fn sample_ratio(mut self, ratio: f64) -> Self {
        self.traces.ratio = Some(ratio.clamp(0.0, 1.0));
        self
    }

    /// Which of the application's spans and events go into traces, in the syntax
    /// of `RUST_LOG` without spans and fields; the log's filter has nothing to do
    /// with it. The exporter's own client (hyper, tower, ...) must be named to be
    /// traced. Default: `info`.
    #[must_use]
    pub fn trace_filter(mut self, filter: impl Into<String>) -> Self {
        self.traces.filter = filter.into();
        self
    }

    /// Whether the application's spans are left out of unsampled requests, and
    /// the trace context with them: cheaper, but their fields are missing from
    /// log lines, and calls they make carry no context. Default: no.
    #[must_use]
    pub fn lean(mut self, lean: bool) -> Self {
        self.traces.lean = lean;
        self
    }

    /// As [`Builder::sample_ratio`], and above `OTEL_TRACES_SAMPLER`: what an
    /// operator said of this service alone.
    #[must_use]
    pub fn operator_sample_ratio(mut self, ratio: f64) -> Self {
        self.traces.operator_ratio = Some(ratio.clamp(0.0, 1.0));
        self
    }

    /// Whether the spans of successes too have `client.address`,
    /// `user_agent.original` and `network.protocol.version`, as those of all other
    /// requests do. To encode them is a quarter of what a span costs; the log line
    /// of the request tells its client either way. Default: no.
    #[must_use]
    pub fn span_details(mut self, details: bool) -> Self {
        self.traces.details = details;
        self
    }

    /// Whether the span of a request that ends in failure, panic, timeout,
    /// disconnect or slow is exported although the sampler said no. What the
    /// request called was told "not sampled", so such a span stands alone.
    /// `OTEL_TRACES_SAMPLER=always_off` turns it off too. Default: yes.
    #[must_use]
    pub fn keep_failures(mut self, keep: bool) -> Self {
        self.traces.keep = keep;
        self
    }
}
