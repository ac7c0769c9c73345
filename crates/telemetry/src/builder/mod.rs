//! What may be chosen, and what comes of it.

mod flight;
mod logs;
pub(crate) mod metrics;
mod sentry;
mod traces;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use plimsoll_core::Clock;
use plimsoll_core::otel::Otel;
use plimsoll_core::peer::Trust;
use plimsoll_core::shown::Allowed;
use tracing::Level;

use crate::config::{Ownership, Warning};
use crate::error::TelemetryError;
use crate::flight::Flight;
use crate::instance::{Instance, State};
use crate::logs::Format;
use crate::logs::life;
use crate::logs::notices::Notices;
use crate::logs::sink::LogSink;
use crate::logs::style::Style;
use crate::otlp;
use crate::rows::Rows;
use crate::seen::Seen;
use crate::sentry::Reporter;
use crate::telemetry::Telemetry;
use crate::traces::{
    Maker, Otlp, OtlpError, Propagation, Spans, Tell, own, resource_of, service_name,
};

use self::flight::FlightConfig;
use self::logs::LogsConfig;
use self::metrics::MetricsConfig;
pub(crate) use self::sentry::SentryConfig;
pub(crate) use self::traces::TracesConfig;

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
    errors_seen: Option<PathBuf>,
    clock: Clock,
    env: Option<Vec<(String, String)>>,
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
            errors_seen: None,
            clock: Clock::system(),
            env: None,
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

    /// A file to which each new combination of method, route and error code is
    /// appended, a JSON object a line: what `plimsoll errors coverage` reads
    /// after a run of the tests. Default: none.
    #[must_use]
    pub fn errors_seen(mut self, file: impl Into<PathBuf>) -> Self {
        self.errors_seen = Some(file.into());
        self
    }

    /// The clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The environment variables. Default: the process's.
    #[must_use]
    pub fn env(mut self, env: impl IntoIterator<Item = (String, String)>) -> Self {
        self.env = Some(env.into_iter().collect());
        self
    }

    /// What the code says of a setting or an OpenTelemetry variable, as text, for
    /// listings; `None` where it cannot say anything.
    pub fn in_code(&self, key: &str) -> Option<String> {
        Some(match key {
            "OTEL_SERVICE_NAME" => self.service.clone(),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => self.traces.endpoint.clone()?,
            "sample_ratio" => self.traces.ratio?.to_string(),
            "keep" => self.traces.keep.to_string(),
            "lean" => self.traces.lean.to_string(),
            "log" => self.logs.filter.clone(),
            "logs" => self.logs.of.to_string(),
            "metrics" => self.metrics.of.to_string(),
            "traces" => self.traces.of.to_string(),
            "sentry" => self.sentry.of.to_string(),
            _ => return None,
        })
    }

    /// Builds the instance and leaves every global of the process alone.
    ///
    /// # Errors
    ///
    /// When the log writer's thread cannot be started. Faults in the
    /// configuration are warnings: see [`Telemetry::warnings`].
    pub fn build(self) -> Result<Telemetry, TelemetryError> {
        let mut warnings = Vec::new();
        let pairs = self.env.unwrap_or_else(process_env);
        let (otel, faults) = Otel::read(pairs.clone());
        let env = |name: &str| {
            let found = pairs.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        if self.traces.of == Ownership::Own {
            // Else they may be for the host's SDK, which honours others.
            let faults = faults.into_iter();
            warnings.extend(faults.map(|it| Warning::new(it.setting, it.problem)));
        }
        let service = service_name(&otel, &self.service);
        let (style, callsites) = self.logs.style(&service, &self.clock, &env);
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
        let traced = self.traces.wanted(&mut warnings);
        let joins = self.logs.of == Ownership::Join;
        let tell = teller(logs.clone(), joins, Arc::clone(&style));
        let spans = match self.traces.of {
            Ownership::Off => Maker::Off,
            Ownership::Join => Maker::Join,
            Ownership::Own => match Otlp::of(&otel, &self.traces, &mut warnings) {
                None => Maker::unrecorded(),
                Some(otlp) => match own(&service, otlp, self.clock.clone(), tell) {
                    Ok(own) => Maker::Own(own),
                    Err(error) => {
                        warnings.push(otlp_warning(&error));
                        Maker::unrecorded()
                    }
                },
            },
        };
        let mut spans = Spans::new(spans, Propagation::of(&otel));
        spans.follow(&levels.switches);
        let metrics = self.metrics;
        let recorder = metrics.recorder(spans.are_exported());
        let series = metrics.series(&recorder, &mut warnings);
        let sentry = Reporter::new(&self.sentry, &env, &service, &mut warnings);
        let shown = Allowed::new(&self.headers, &self.query).unwrap_or_else(|fault| {
            let problem = format!("{fault}; no header and no parameter is shown");
            warnings.push(Warning::new("log_headers, log_query", problem));
            Allowed::default()
        });
        let seen = self.errors_seen.and_then(|file| {
            let opened = Seen::open(&file);
            let problem = |error| format!("{} cannot be written: {error}", file.display());
            opened
                .map_err(|error| warnings.push(Warning::new("errors_seen", problem(error))))
                .ok()
        });
        let resource = resource_of(&otel, &service);
        let of_otel = || otlp::Settings {
            otel: &otel,
            resource: resource.clone(),
        };
        let exported = otlp::Otlp::default();
        let lines = logs.as_ref().filter(|_| style.format == Format::Json);
        exported.export_logs(of_otel(), lines, &mut warnings);
        let instance = Instance {
            shown,
            service,
            clock: self.clock,
            trust: self.trust,
            born: SystemTime::now(),
            rows: Rows::new(series)
                .with_lines(Arc::clone(&style))
                .with_seen(seen),
            style,
            callsites,
            levels: Arc::new(levels),
            flight,
            logs,
            join_logs: self.logs.of == Ownership::Join,
            host_page: metrics.host(),
            own_metrics: metrics.of == Ownership::Own,
            recorder,
            spans,
            traced,
            lean: self.traces.lean,
            otlp: exported,
            sentry,
            warnings: Mutex::new(warnings),
            state: State::default(),
        };
        let telemetry = Telemetry::of(instance);
        if metrics.of != Ownership::Off {
            telemetry.export_metrics(of_otel());
        }
        Ok(telemetry)
    }
}

/// The environment; what is not Unicode is none of ours.
fn process_env() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Writes lines about an instance's own life, from any thread.
fn teller(logs: Option<LogSink>, joins: bool, style: Arc<Style>) -> Tell {
    Box::new(move |bad, message, fields| {
        let level = if bad { Level::WARN } else { Level::INFO };
        if let Some(logs) = &logs {
            logs.line(|out| life::write(out, &style, level, message, fields));
        } else if joins {
            life::event(level, message, fields);
        }
    })
}

fn otlp_warning(error: &OtlpError) -> Warning {
    Warning::new(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        format!("{error}; no span is exported"),
    )
}
