//! What may be chosen, and what comes of it.

mod flight;
mod logs;
mod metrics;
mod sentry;
mod traces;

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use plimsoll_core::Clock;
use plimsoll_core::peer::Trust;
use plimsoll_core::shown::Allowed;

use crate::config::{self, Ownership, Warning};
use crate::error::TelemetryError;
use crate::flight::Flight;
use crate::instance::{Instance, State};
use crate::logs::notices::Notices;
use crate::logs::sink::LogSink;
use crate::rows::Rows;
use crate::sentry::Reporter;
use crate::telemetry::Telemetry;
use crate::traces::{OtlpError, Spans, own};

use self::flight::FlightConfig;
use self::logs::LogsConfig;
use self::metrics::MetricsConfig;
pub(crate) use self::sentry::SentryConfig;
use self::traces::TracesConfig;

type Env = Box<dyn Fn(&str) -> Option<String> + Send>;

/// Builds a [`Telemetry`]; every setting has a default.
pub struct Builder {
    service: String,
    logs: LogsConfig,
    flight: FlightConfig,
    metrics: MetricsConfig,
    traces: TracesConfig,
    sentry: SentryConfig,
    trust: Trust,
    headers: String,
    query: String,
    clock: Clock,
    env: Env,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(service: &str) -> Self {
        Self {
            service: service.into(),
            logs: LogsConfig::default(),
            flight: FlightConfig::default(),
            metrics: MetricsConfig::default(),
            traces: TracesConfig::default(),
            sentry: SentryConfig::default(),
            trust: Trust::nobody(),
            headers: String::new(),
            query: String::new(),
            clock: Clock::system(),
            env: Box::new(|name| std::env::var(name).ok()),
        }
    }

    /// Peers whose trace context and forwarding headers are believed. Default: nobody.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Request headers that are shown on a request's line and span, by name,
    /// parted by commas. Default: none. A name whose values are
    /// [secret](plimsoll_core::redact) is refused.
    #[must_use]
    pub fn log_headers(mut self, names: impl Into<String>) -> Self {
        self.headers = names.into();
        self
    }

    /// Query parameters that are shown there. Default: none.
    #[must_use]
    pub fn log_query(mut self, names: impl Into<String>) -> Self {
        self.query = names.into();
        self
    }

    /// The clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where environment variables are read. Default: the process's, from which
    /// the OpenTelemetry SDK reads resource and sampler in any case.
    #[must_use]
    pub fn env(mut self, env: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        self.env = Box::new(env);
        self
    }

    /// Builds the instance and leaves every global of the process alone.
    ///
    /// # Errors
    ///
    /// When the log writer's thread cannot be started. Faults in the
    /// configuration are warnings: see [`Telemetry::warnings`].
    pub fn build(self) -> Result<Telemetry, TelemetryError> {
        let mut warnings = Vec::new();
        let (style, callsites) = self.logs.style(&self.service, &self.clock, &self.env);
        let logs = match self.logs.of {
            Ownership::Own => {
                let output = self
                    .logs
                    .output
                    .unwrap_or_else(|| Box::new(std::io::stdout()));
                let notices = Notices::new(Arc::clone(&style), Arc::clone(&callsites));
                Some(
                    LogSink::start(self.logs.capacity, output, notices)
                        .map_err(TelemetryError::LogThread)?,
                )
            }
            Ownership::Join | Ownership::Off => None,
        };
        let levels =
            self.flight
                .levels(&self.logs.filter, self.logs.of, &self.clock, &mut warnings);
        // Also when it is off: it can be switched on for a while.
        let flight = Flight::new(self.flight.bytes, self.flight.lines);
        let flight = logs.is_some().then(|| Arc::new(flight));
        let mut spans = match self.traces.of {
            Ownership::Off => Spans::Off,
            Ownership::Join => Spans::Join,
            Ownership::Own => match config::otlp(
                &self.env,
                self.traces.endpoint,
                self.traces.ratio,
                self.traces.keep,
                &mut warnings,
            ) {
                None => Spans::unrecorded(),
                Some(otlp) => match own(&self.service, otlp, self.clock.clone()) {
                    Ok(spans) => spans,
                    Err(error) => {
                        warnings.push(otlp_warning(&error));
                        Spans::unrecorded()
                    }
                },
            },
        };
        spans.follow(&levels.switches);
        let metrics = self.metrics;
        let recorder = metrics.recorder(spans.are_exported());
        let series = metrics.series(&recorder);
        let sentry = Reporter::new(&self.sentry, &self.env, &self.service, &mut warnings);
        let shown = Allowed::new(&self.headers, &self.query).unwrap_or_else(|fault| {
            let problem = format!("{fault}; no header and no parameter is shown");
            warnings.push(Warning::new("log_headers, log_query", problem));
            Allowed::default()
        });
        let instance = Instance {
            shown,
            service: self.service,
            clock: self.clock,
            trust: self.trust,
            born: SystemTime::now(),
            rows: Rows::new(series).with_lines(Arc::clone(&style)),
            style,
            callsites,
            levels: Arc::new(levels),
            flight,
            logs,
            join_logs: self.logs.of == Ownership::Join,
            own_metrics: metrics.of == Ownership::Own,
            recorder,
            spans,
            lean: self.traces.lean,
            sentry,
            warnings: Mutex::new(warnings),
            state: State::default(),
        };
        Ok(Telemetry::of(instance))
    }
}

fn otlp_warning(error: &OtlpError) -> Warning {
    Warning::new(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        format!("{error}; no span is exported"),
    )
}
