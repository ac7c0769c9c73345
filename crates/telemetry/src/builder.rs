//! What may be chosen, and what comes of it.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::SystemTime;

use plimsoll_core::Clock;
use plimsoll_core::peer::Trust;
use tracing_subscriber::EnvFilter;

use crate::config::{self, Ownership, Warning};
use crate::error::TelemetryError;
use crate::instance::{Instance, State};
use crate::logs::Format;
use crate::logs::filter::{access_level, filter_of};
use crate::logs::sink::{CAPACITY, LogSink};
use crate::metrics::MetricsRecorder;
use crate::metrics::series::RequestSeries;
use crate::sentry::Reporter;
use crate::telemetry::Telemetry;
use crate::traces::{OtlpError, Spans, own_provider};

type Env = Box<dyn Fn(&str) -> Option<String> + Send>;

/// Builds a [`Telemetry`]; every setting has a default.
pub struct Builder {
    service: String,
    logs: Ownership,
    metrics: Ownership,
    traces: Ownership,
    sentry: Ownership,
    format: Option<Format>,
    filter: String,
    output: Option<Box<dyn Write + Send>>,
    log_capacity: usize,
    otlp: Option<String>,
    ratio: Option<f64>,
    trust: Trust,
    clock: Clock,
    env: Env,
    sentry_dsn: Option<String>,
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
            logs: Ownership::Own,
            metrics: Ownership::Own,
            traces: Ownership::Own,
            sentry: Ownership::Own,
            format: None,
            filter: "info".into(),
            output: None,
            log_capacity: CAPACITY,
            otlp: None,
            ratio: None,
            trust: Trust::nobody(),
            clock: Clock::system(),
            env: Box::new(|name| std::env::var(name).ok()),
            sentry_dsn: None,
        }
    }

    /// Whose the logs are. Default: own.
    #[must_use]
    pub fn logs(mut self, of: Ownership) -> Self {
        self.logs = of;
        self
    }

    /// Whose the metrics are. Default: own.
    #[must_use]
    pub fn metrics(mut self, of: Ownership) -> Self {
        self.metrics = of;
        self
    }

    /// Whose the traces are. Default: own, exported once an endpoint is named.
    #[must_use]
    pub fn traces(mut self, of: Ownership) -> Self {
        self.traces = of;
        self
    }

    /// Whose Sentry is. Default: own, with a DSN; needs the feature `sentry`.
    #[must_use]
    pub fn sentry(mut self, of: Ownership) -> Self {
        self.sentry = of;
        self
    }

    /// The DSN that failures are sent to. Default: `SENTRY_DSN`.
    #[must_use]
    pub fn sentry_dsn(mut self, dsn: impl Into<String>) -> Self {
        self.sentry_dsn = Some(dsn.into());
        self
    }

    /// How lines are written. Default: pretty on a terminal, else JSON.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Which events are logged, in the syntax of `RUST_LOG`. Default: `info`.
    /// Traces and metrics have nothing to do with it.
    #[must_use]
    pub fn log_filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = filter.into();
        self
    }

    /// Where lines go. Default: standard output.
    #[must_use]
    pub fn log_output(mut self, output: impl Write + Send + 'static) -> Self {
        self.output = Some(Box::new(output));
        self
    }

    /// Bytes of lines that may wait for the output. Default: 32 MiB.
    #[must_use]
    pub fn log_capacity(mut self, bytes: usize) -> Self {
        self.log_capacity = bytes;
        self
    }

    /// Full address of an OTLP traces endpoint. Default: `OTEL_EXPORTER_OTLP_*`.
    #[must_use]
    pub fn otlp(mut self, endpoint: impl Into<String>) -> Self {
        self.otlp = Some(endpoint.into());
        self
    }

    /// Share of requests without a trusted parent whose spans are kept, 0 to 1.
    /// Default: `OTEL_TRACES_SAMPLER`, else all.
    #[must_use]
    pub fn sample_ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio.clamp(0.0, 1.0));
        self
    }

    /// Peers whose trace context and forwarding headers are believed. Default: nobody.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
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
        let format = self.format.unwrap_or_else(|| {
            let terminal = self.output.is_none() && std::io::stdout().is_terminal();
            if terminal {
                Format::Pretty
            } else {
                Format::Json
            }
        });
        let logs = match self.logs {
            Ownership::Own => {
                let output = self.output.unwrap_or_else(|| Box::new(std::io::stdout()));
                Some(LogSink::start(self.log_capacity, output).map_err(TelemetryError::LogThread)?)
            }
            Ownership::Join | Ownership::Off => None,
        };
        if let Err(error) = EnvFilter::builder().parse(&self.filter) {
            let problem = format!("{error}; `info` is used");
            warnings.push(Warning::new("PLIMSOLL_LOG", problem));
        }
        let filter = filter_of(&self.filter);
        let access_level = access_level(&self.filter, &filter);
        let spans = match self.traces {
            Ownership::Off => Spans::Off,
            Ownership::Join => Spans::Join,
            Ownership::Own => match config::otlp(&self.env, self.otlp, self.ratio, &mut warnings) {
                None => Spans::unrecorded(),
                Some(otlp) => match own_provider(&self.service, otlp) {
                    Ok((provider, processor)) => Spans::own(provider, processor),
                    Err(error) => {
                        warnings.push(otlp_warning(&error));
                        Spans::unrecorded()
                    }
                },
            },
        };
        let recorder = MetricsRecorder::default();
        let series = (self.metrics != Ownership::Off).then(|| RequestSeries::new(recorder.clone()));
        let dsn = self.sentry_dsn.or_else(|| (self.env)("SENTRY_DSN"));
        let sentry = Reporter::new(self.sentry, dsn, &self.service, &mut warnings);
        let instance = Instance {
            service: self.service,
            clock: self.clock,
            trust: self.trust,
            born: SystemTime::now(),
            format,
            filter: self.filter,
            access_level,
            logs,
            join_logs: self.logs == Ownership::Join,
            own_metrics: self.metrics == Ownership::Own,
            recorder,
            series,
            spans,
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
