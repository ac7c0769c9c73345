//! One instance: its builder, its handle, and the sink in which records end.

use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use plimsoll_core::names::{self, label};
use plimsoll_core::outcome::method_label;
use plimsoll_core::peer::Trust;
use plimsoll_core::record::Record;
use plimsoll_core::{Clock, Outcome, Sink};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;

use crate::config::{self, Ownership, Warning};
use crate::grpc_routes::GrpcRoutes;
use crate::layer::ObserveLayer;
use crate::ledger::{Balance, Reason};
use crate::logs::sink::{CAPACITY, LogSink};
use crate::logs::{Format, access, life};
use crate::metrics::series::RequestSeries;
use crate::metrics::{MetricsRecorder, Page};
use crate::pool;
use crate::report::{Report, Requests};
use crate::traces::{OtlpError, RequestSpan, Spans, own_provider};

/// Why telemetry could not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The log writer's thread did not start.
    LogThread(std::io::Error),
    /// The process has a `tracing` subscriber already.
    SubscriberTaken,
    /// The process has a `metrics` recorder already.
    RecorderTaken,
}

impl std::fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LogThread(error) => write!(f, "the log writer's thread did not start: {error}"),
            Self::SubscriberTaken => f.write_str(
                "this process has a tracing subscriber already: build with logs and traces on `join` and put `tracing_layer()` into its registry",
            ),
            Self::RecorderTaken => f.write_str(
                "this process has a metrics recorder already: build with metrics on `join` and add `render_into` to its page",
            ),
        }
    }
}

impl std::error::Error for TelemetryError {}

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
    fn new(service: &str) -> Self {
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
        let sentry = crate::sentry::Reporter::new(self.sentry, dsn, &self.service, &mut warnings);
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
            started: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            finished: std::array::from_fn(|_| AtomicU64::new(0)),
            aborting: AtomicBool::new(false),
            grpc_routes: GrpcRoutes::default(),
            second_layer: Once::new(),
            warnings: Mutex::new(warnings),
            collectors: Mutex::default(),
        };
        Ok(Telemetry(Arc::new(instance)))
    }
}

fn otlp_warning(error: &OtlpError) -> Warning {
    Warning::new(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        format!("{error}; no span is exported"),
    )
}

/// The most verbose level at which the request's own line is wanted.
fn access_level(directives: &str, filter: &EnvFilter) -> LevelFilter {
    use tracing::Level;
    let Ok(targets) = directives.parse::<Targets>() else {
        // Directives by span or field: they say nothing of a line outside all spans.
        return filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    };
    let levels = [
        Level::TRACE,
        Level::DEBUG,
        Level::INFO,
        Level::WARN,
        Level::ERROR,
    ];
    let wanted = levels
        .into_iter()
        .find(|level| targets.would_enable(access::TARGET, level));
    wanted.map_or(LevelFilter::OFF, LevelFilter::from_level)
}

fn filter_of(directives: &str) -> EnvFilter {
    let parsed = EnvFilter::builder().with_regex(false).parse(directives);
    parsed.unwrap_or_else(|_| EnvFilter::new("info"))
}

type Collector = Box<dyn Fn(&mut Page) + Send + Sync>;

/// Everything one layer writes to.
pub(crate) struct Instance {
    service: String,
    clock: Clock,
    trust: Trust,
    born: SystemTime,
    format: Format,
    filter: String,
    access_level: LevelFilter,
    logs: Option<LogSink>,
    join_logs: bool,
    own_metrics: bool,
    recorder: MetricsRecorder,
    series: Option<RequestSeries>,
    spans: Spans,
    sentry: crate::sentry::Reporter,
    started: AtomicU64,
    in_flight: AtomicU64,
    finished: [AtomicU64; Outcome::ALL.len()],
    aborting: AtomicBool,
    grpc_routes: GrpcRoutes,
    second_layer: Once,
    warnings: Mutex<Vec<Warning>>,
    collectors: Mutex<Vec<Collector>>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(crate) fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Counts a request whose call began; returns how many are in flight.
    pub(crate) fn begin(&self, method: &'static str) -> u64 {
        self.started.fetch_add(1, Ordering::Relaxed);
        if let Some(series) = &self.series {
            series.begin(method);
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn note_second_layer(&self) {
        self.second_layer.call_once(|| {
            let problem =
                "two Plimsoll layers stand around one service; the inner one does nothing";
            self.warn(Warning::new("layer", problem));
        });
    }

    /// Without an event: what makes events may be what failed.
    fn warn_quietly(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    fn warn(&self, warning: Warning) {
        tracing::warn!(target: "plimsoll::config", setting = %warning.setting, "{}", warning.problem);
        self.warn_quietly(warning);
    }

    fn access_line(&self, record: &Record) {
        if access::level(record) > self.access_level {
            return;
        }
        if let Some(logs) = &self.logs {
            let time = self.clock.wall(record.ended);
            logs.line(|out| access::write(out, self.format, &self.service, time, record));
        } else if self.join_logs {
            crate::logs::join::event(record);
        }
    }

    fn requests(&self) -> Requests {
        Requests {
            started: self.started.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            by_outcome: Outcome::ALL.map(|outcome| {
                let count = self.finished[outcome as usize].load(Ordering::Relaxed);
                (outcome, count)
            }),
        }
    }

    fn balances(&self) -> Vec<(&'static str, Balance)> {
        let mut balances = Vec::new();
        if let Some(logs) = &self.logs {
            balances.push(("logs", logs.balance()));
        }
        if let Spans::Own { processor, .. } = &self.spans {
            balances.push(("traces", processor.balance()));
        }
        balances
    }
}

impl Sink for Instance {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn aborting(&self) -> bool {
        self.aborting.load(Ordering::Relaxed)
    }

    fn finish(&self, mut record: Box<Record>) {
        self.grpc_routes.name(&mut record);
        // The counts first: whatever a host's part below does, a request that
        // ended is counted as ended.
        let outcome = record.outcome.unwrap_or(Outcome::Fault);
        self.finished[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(series) = &self.series {
            series.finish(&record);
        }
        let signals = AssertUnwindSafe(|| {
            self.access_line(&record);
            self.sentry.report(&record);
            let ambient = record.ambient.take();
            let ambient: Option<&dyn std::any::Any> = ambient.as_deref().map(|it| it as _);
            if let Some(span) = ambient.and_then(|it| it.downcast_ref::<RequestSpan>()) {
                span.end(&record);
            }
        });
        if catch_unwind(signals).is_err() {
            let problem = "a subscriber, span processor or Sentry hook of the host panicked";
            self.warn_quietly(Warning::new("signals", problem));
        }
        pool::give_back(record);
    }
}

/// A handle on one instance; clones share it.
///
/// ```
/// use plimsoll_telemetry::Telemetry;
///
/// let telemetry = Telemetry::builder("card-service").log_output(std::io::sink()).build()?;
/// assert!(telemetry.render().contains("plimsoll_build_info"));
/// # Ok::<(), plimsoll_telemetry::TelemetryError>(())
/// ```
///
/// As a guest in a service that has logs and metrics of its own:
///
/// ```
/// use plimsoll_telemetry::{Ownership, Telemetry};
///
/// let telemetry = Telemetry::builder("card-service")
///     .logs(Ownership::Join)
///     .metrics(Ownership::Join)
///     .traces(Ownership::Off)
///     .build()?;
/// let mut page = String::from("their_requests_total 7\n");
/// telemetry.render_into(&mut page);
/// assert!(page.starts_with("their_requests_total 7\n"));
/// # Ok::<(), plimsoll_telemetry::TelemetryError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Instance>);

impl Telemetry {
    /// Begins the telemetry of a service with this name.
    pub fn builder(service: &str) -> Builder {
        Builder::new(service)
    }

    /// The layer; apply it last, with `Router::layer`, so that it sees the
    /// matched route and everything inside.
    pub fn layer(&self) -> ObserveLayer {
        ObserveLayer::new(Arc::clone(&self.0))
    }

    /// Takes the globals of every signal that is `own`: subscriber, tracer
    /// provider, propagator, recorder.
    ///
    /// # Errors
    ///
    /// When the host has a subscriber or a recorder; nothing of it is changed,
    /// but a global taken before the failing one stays taken.
    pub fn install(&self) -> Result<(), TelemetryError> {
        if self.0.own_metrics {
            #[expect(
                clippy::disallowed_methods,
                reason = "install is where globals are taken"
            )]
            let taken = metrics::set_global_recorder(self.0.recorder.clone());
            taken.map_err(|_| TelemetryError::RecorderTaken)?;
        }
        let own_traces = matches!(self.0.spans, Spans::Own { .. });
        // With the logs on `join` there is a subscriber, which takes `tracing_layer`.
        if !self.0.join_logs && (self.0.logs.is_some() || own_traces) {
            use tracing_subscriber::layer::SubscriberExt as _;
            let subscriber = tracing_subscriber::registry().with(self.tracing_layer());
            #[expect(
                clippy::disallowed_methods,
                reason = "install is where globals are taken"
            )]
            let taken = tracing::subscriber::set_global_default(subscriber);
            taken.map_err(|_| TelemetryError::SubscriberTaken)?;
        }
        self.0.spans.install();
        for warning in self.warnings() {
            tracing::warn!(target: "plimsoll::config", setting = %warning.setting, "{}", warning.problem);
        }
        Ok(())
    }

    /// What belongs into a `tracing` registry for the signals that are `own`:
    /// the application's events as log lines, its spans to our tracer.
    pub fn tracing_layer<S>(&self) -> Vec<Box<dyn tracing_subscriber::Layer<S> + Send + Sync>>
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
    {
        use tracing_subscriber::Layer as _;
        let mut layers = Vec::new();
        if let Some(sink) = &self.0.logs {
            let lines = crate::logs::layer::EventLines {
                sink: sink.clone(),
                format: self.0.format,
                service: self.0.service.clone(),
            };
            layers.push(lines.with_filter(filter_of(&self.0.filter)).boxed());
        }
        layers.extend(crate::traces::bridge(&self.0.spans));
        layers
    }

    /// The recorder that serves the page, for tests and hosts that install it themselves.
    pub fn recorder(&self) -> MetricsRecorder {
        self.0.recorder.clone()
    }

    /// Names routes that will be asked, so that their series stand at 0 from the
    /// first scrape, before any request. Others appear with their first request.
    pub fn expect_routes(&self, routes: &[(http::Method, &'static str)]) {
        if let Some(series) = &self.0.series {
            for (method, route) in routes {
                series.expect(method_label(method), route);
            }
        }
    }

    /// Adds a writer of further families to every page.
    pub fn collect(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        let collectors = self.0.collectors.lock();
        collectors
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(collector));
    }

    /// The metrics page, Prometheus text format 0.0.4.
    pub fn render(&self) -> String {
        let instance = &*self.0;
        let mut page = instance.recorder.render();
        crate::metrics::own::write(
            &mut page,
            &instance.service,
            instance.born,
            &instance.balances(),
        );
        let warnings = self.warnings();
        page.family(
            names::CONFIG_WARNINGS,
            "counter",
            "Settings that could not be used.",
        );
        for warning in &warnings {
            page.sample(
                names::CONFIG_WARNINGS,
                &[(label::SETTING, &warning.setting)],
                1,
            );
        }
        for collector in instance
            .collectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            collector(&mut page);
        }
        page.finish()
    }

    /// Appends our series to a host's own page.
    pub fn render_into(&self, page: &mut String) {
        crate::metrics::join::into_page(page, &self.render());
    }

    /// Settings that could not be used, so far; one for each setting.
    pub fn warnings(&self) -> Vec<Warning> {
        let warnings = self
            .0
            .warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut unique: Vec<Warning> = Vec::new();
        for warning in warnings.iter() {
            if !unique.iter().any(|known| known.setting == warning.setting) {
                unique.push(warning.clone());
            }
        }
        unique
    }

    /// Counts and logs a fault in configuration.
    pub fn warn(&self, warning: Warning) {
        self.0.warn(warning);
    }

    /// Writes a line about the service's own life, whatever the log filter:
    /// what others wait for must not depend on a level.
    pub fn say(&self, message: &str, fields: &[(&str, String)]) {
        if let Some(logs) = &self.0.logs {
            let time = SystemTime::now();
            let service = &self.0.service;
            logs.line(|out| life::write(out, self.0.format, service, time, message, fields));
        } else if self.0.join_logs {
            life::event(message, fields);
        }
    }

    /// Whom we trust to say who the client is.
    pub fn trust(&self) -> &Trust {
        &self.0.trust
    }

    /// The clock of every reading.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What was started, finished and is in flight, and every signal's ledger.
    pub fn report(&self) -> Report {
        Report {
            requests: self.0.requests(),
            signals: self.0.balances(),
        }
    }

    /// Says that requests which end from now on without an answer are cut by
    /// shutdown: their clients did not leave.
    pub fn abort_requests(&self) {
        self.0.aborting.store(true, Ordering::Relaxed);
    }

    /// Flushes and ends every signal within `limit`, logs last, and says what
    /// was delivered and lost. Blocks: call it from a thread that may, not from
    /// a runtime's worker.
    pub fn shutdown(&self, limit: Duration) -> Report {
        let deadline = Instant::now() + limit;
        let most = |share: u32| {
            Instant::now() + deadline.saturating_duration_since(Instant::now()) * share / 10
        };
        self.0.sentry.close(most(3));
        if let Spans::Own { processor, .. } = &self.0.spans {
            processor.close(most(8));
        }
        // The last line but its own: what is counted in it is at rest.
        self.say("ledger", &[("report", self.report().to_string())]);
        if let Some(logs) = &self.0.logs {
            logs.shutdown(deadline);
        }
        self.report()
    }
}

/// Reasons in the order in which a [`Balance`] holds them, for reports.
pub(crate) fn reasons() -> impl Iterator<Item = (usize, Reason)> {
    Reason::ALL.into_iter().enumerate()
}
