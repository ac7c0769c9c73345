//! The handle on one instance.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use plimsoll_core::Clock;
use plimsoll_core::names::{self, label};
use plimsoll_core::outcome::method_label;
use plimsoll_core::peer::Trust;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::NoSubscriber;

use crate::builder::Builder;
use crate::client::ClientLayer;
use crate::config::Warning;
use crate::error::TelemetryError;
use crate::flight::Capture;
use crate::instance::Instance;
use crate::layer::ObserveLayer;
use crate::logs::Format;
use crate::logs::life;
use crate::logs::wanted::{Told, Wanted};
use crate::metrics::{Exposition, MetricsRecorder, Offender, Page, Scrape};
use crate::otlp;
use crate::report::Report;
use crate::sentry::Crumbs;

/// What a hurried shutdown leaves the log to write its last lines.
pub const LAST_LINES: Duration = Duration::from_millis(250);

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
    pub(crate) fn of(instance: Instance) -> Self {
        Self(Arc::new(instance))
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.0
    }

    /// The page over OTLP, at intervals, for as long as somebody holds the instance.
    pub(crate) fn export_metrics(&self, settings: otlp::Settings<'_>) {
        let instance = Arc::downgrade(&self.0);
        let page = move || Some(Self(instance.upgrade()?).render());
        let mut warnings = Vec::new();
        let otlp = &self.0.otlp;
        otlp.export_metrics(settings, self.0.born, Box::new(page), &mut warnings);
        let all = self.0.warnings.lock();
        all.unwrap_or_else(PoisonError::into_inner)
            .append(&mut warnings);
    }

    /// Begins the telemetry of a service with this name.
    pub fn builder(service: &str) -> Builder {
        Builder::new(service)
    }

    /// The layer; apply it last, with `Router::layer`, so that it sees the
    /// matched route and everything inside.
    pub fn layer(&self) -> ObserveLayer {
        ObserveLayer::new(Arc::clone(&self.0))
    }

    /// The layer for calls to other services; see [`crate::client`].
    pub fn client(&self) -> ClientLayer {
        ClientLayer::new(Arc::clone(&self.0))
    }

    /// Takes the globals of every signal that is `own`: subscriber, tracer
    /// provider, propagator, recorder.
    ///
    /// # Errors
    ///
    /// When the host has a subscriber, a recorder or a Sentry client. Nothing of
    /// it is changed, and nothing of ours is left behind.
    pub fn install(&self) -> Result<(), TelemetryError> {
        // All that can be asked is asked first. Whether there is a recorder is
        // known only by setting one, so that comes first of what is taken.
        let own_traces = self.0.spans.processor().is_some();
        // With the logs on `join` there is a subscriber, which takes `tracing_layer`.
        let subscribe = !self.0.join_logs && (self.0.logs.is_some() || own_traces);
        self.0.sentry.is_free()?;
        if subscribe && has_subscriber() {
            return Err(TelemetryError::SubscriberTaken);
        }
        if self.0.own_metrics {
            #[expect(
                clippy::disallowed_methods,
                reason = "install is where globals are taken"
            )]
            let taken = metrics::set_global_recorder(self.0.recorder.clone());
            taken.map_err(|_| TelemetryError::RecorderTaken)?;
        }
        if subscribe {
            use tracing_subscriber::layer::SubscriberExt as _;
            // Outermost, else what the others want would outweigh it.
            let gate = self.0.lean.then_some(crate::traces::Gate);
            let subscriber = tracing_subscriber::registry()
                .with(self.tracing_layer())
                .with(gate);
            #[expect(
                clippy::disallowed_methods,
                reason = "install is where globals are taken"
            )]
            let taken = tracing::subscriber::set_global_default(subscriber);
            taken.map_err(|_| TelemetryError::SubscriberTaken)?;
        }
        self.0.spans.install();
        self.0.sentry.install();
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
        let mut crumbs = Crumbs::layer(self.0.sentry.takes_crumbs(), &self.0.clock);
        if let Some(sink) = &self.0.logs {
            let lines = crate::logs::layer::EventLines {
                sink: sink.clone(),
                style: Arc::clone(&self.0.style),
                callsites: Arc::clone(&self.0.callsites),
                owner: self.0.levels.id,
            };
            let capture = self.0.flight.as_ref().map(|flight| Capture {
                flight: Arc::clone(flight),
                clock: self.0.clock.clone(),
                owner: self.0.levels.id,
            });
            let levels = Arc::clone(&self.0.levels);
            let wanted = Wanted {
                levels: Arc::clone(&levels),
                crumbs: crumbs.is_some(),
            };
            let told = Told {
                lines,
                capture,
                crumbs: crumbs.take(),
                levels,
            };
            layers.push(told.with_filter(wanted).boxed());
        }
        layers.extend(crate::traces::bridge(&self.0.spans, self.0.traced.clone()));
        layers.extend(crumbs.map(|crumbs| crumbs.with_filter(LevelFilter::WARN).boxed()));
        layers
    }

    /// The recorder that serves the page, for tests and hosts that install it themselves.
    pub fn recorder(&self) -> MetricsRecorder {
        self.0.recorder.clone()
    }

    /// Names routes that will be asked, so that their series stand at 0 from the
    /// first scrape, before any request. Others appear with their first request. The
    /// path of a gRPC method is named as a POST: its first request has its route
    /// however it ends.
    pub fn expect_routes(&self, routes: &[(http::Method, &'static str)]) {
        if let Some(series) = self.0.rows.series() {
            for (method, route) in routes {
                series.expect(method_label(method), route);
            }
        }
        let methods = routes
            .iter()
            .filter(|(method, route)| method == http::Method::POST && !route.contains('{'));
        for (_, route) in methods {
            self.0.state.grpc_routes.expect(route);
        }
    }

    /// Adds a writer of further families to every page.
    pub fn collect(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        let collectors = self.0.state.collectors.lock();
        collectors
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(collector));
    }

    /// The metrics page, Prometheus text format 0.0.4.
    pub fn render(&self) -> String {
        self.render_as(Exposition::Text)
    }

    /// The metrics page in a form. Families stand in a fixed order.
    pub fn render_as(&self, form: Exposition) -> String {
        let instance = &*self.0;
        let mut page = Page::new(form);
        crate::metrics::own::write(
            &mut page,
            &instance.service,
            instance.born,
            &instance.balances(),
            &instance.outlets(),
        );
        instance.spans.write(&mut page);
        if let Some(flight) = &instance.flight {
            flight.page(&mut page);
        }
        page.family(
            names::CONFIG_WARNINGS,
            "counter",
            "Settings that could not be used.",
        );
        for warning in &self.warnings() {
            let labels = [(label::SETTING, warning.setting.as_str())];
            page.sample(names::CONFIG_WARNINGS, &labels, 1);
        }
        page.family(
            names::LOG_CAUSES_SUPPRESSED,
            "counter",
            "Causes left off request lines for coming too fast.",
        );
        for (code, count) in instance.rows.left_out() {
            page.sample(
                names::LOG_CAUSES_SUPPRESSED,
                &[(label::ERROR_CODE, code)],
                count,
            );
        }
        let collectors = instance.state.collectors.lock();
        for collector in collectors.unwrap_or_else(PoisonError::into_inner).iter() {
            collector(&mut page);
        }
        // Last, so that no name of the application's stands in for one of ours.
        let registry = instance.recorder.registry();
        registry.render(&mut page);
        instance.recorder.render_theirs(&mut page);
        if let Some(host) = &instance.host_page {
            crate::metrics::host::write(&mut page, &**host);
        }
        registry.render_costs(&mut page);
        page.finish()
    }

    /// The answer to a scrape with these headers: text or `OpenMetrics` by
    /// `Accept`, packed by `Accept-Encoding`.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, header};
    /// use plimsoll_telemetry::Telemetry;
    ///
    /// let telemetry = Telemetry::builder("card-service").log_output(std::io::sink()).build()?;
    /// let mut headers = HeaderMap::new();
    /// let accept = HeaderValue::from_static("application/openmetrics-text;version=1.0.0");
    /// headers.insert(header::ACCEPT, accept);
    /// let answer = telemetry.scrape(&headers);
    /// assert!(answer.body().ends_with(b"# EOF\n"));
    /// # Ok::<(), plimsoll_telemetry::TelemetryError>(())
    /// ```
    pub fn scrape(&self, headers: &http::HeaderMap) -> http::Response<Vec<u8>> {
        let scrape = Scrape::of(headers);
        scrape.answer(self.render_as(scrape.form()))
    }

    /// Appends our series to a host's own page, in the form that the page has.
    pub fn render_into(&self, page: &mut String) {
        let form = crate::metrics::join::form_of(page);
        crate::metrics::join::into_page(page, &self.render_as(form));
    }

    /// The metrics with the most series, largest first, at most 20.
    pub fn largest_metrics(&self) -> Vec<Offender> {
        self.0.recorder.registry().offenders()
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
            logs.line(|out| life::write(out, &self.0.style, Level::INFO, message, fields));
        } else if self.0.join_logs {
            life::event(Level::INFO, message, fields);
        }
    }

    /// As [`Self::say`], but to nobody else: what sends lines on has ended.
    fn say_here(&self, message: &str, fields: &[(&str, String)]) {
        match &self.0.logs {
            Some(logs) => {
                logs.line_here(|out| {
                    life::write(out, &self.0.style, Level::INFO, message, fields);
                });
            }
            None => self.say(message, fields),
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
            outlets: self.0.outlets(),
        }
    }

    /// Whether a signal lost something in the last minute, or has failed for
    /// longer; `None` when all is well. For a health page, never for a decision.
    pub fn trouble(&self) -> Option<String> {
        let now = Instant::now();
        self.0
            .state
            .watch
            .look(now, &self.0.balances(), &self.0.outlets())
    }

    /// Says that requests which end from now on without an answer are cut by
    /// shutdown: their clients did not leave.
    pub fn abort_requests(&self) {
        self.0.state.aborting.store(true, Ordering::Relaxed);
    }

    /// Ends a [`Telemetry::shutdown`] that is under way, or one to come, at
    /// once: what has not left by then is counted as lost. Lines still get
    /// written, in at most [`LAST_LINES`].
    pub fn hurry(&self) {
        self.0.sentry.hurry();
        if let Some(processor) = self.0.spans.processor() {
            processor.hurry();
        }
        self.0.otlp.hurry();
        if let Some(logs) = &self.0.logs {
            logs.hurry();
        }
    }

    /// Flushes and ends every signal within `limit`, logs last, and says what
    /// was delivered and lost. Blocks: call it from a thread that may, not from
    /// a runtime's worker.
    pub fn shutdown(&self, limit: Duration) -> Report {
        let deadline = Instant::now() + limit;
        let most = |share: u32| {
            Instant::now() + deadline.saturating_duration_since(Instant::now()) * share / 10
        };
        // All at once: one that hangs takes nothing from the others.
        self.0.sentry.begin_close();
        self.0.otlp.begin_close();
        if let Some(processor) = self.0.spans.processor() {
            processor.close(most(7));
        }
        self.0.otlp.close(most(8));
        self.0.sentry.close(most(8));
        if let Some(logs) = &self.0.logs {
            logs.flush(most(9));
        }
        // The last line but its own: what is counted in it is at rest.
        let report = self.report();
        match self.0.style.format {
            Format::Json => self.say_here("ledger", &[("report", report.to_string())]),
            Format::Pretty => self.say_here(&format!("ledger: {}", report.summary()), &[]),
        }
        if let Some(logs) = &self.0.logs {
            logs.shutdown(deadline);
        }
        self.report()
    }
}

/// Whether the process has a subscriber. Asked on a thread of its own, where no
/// scoped one can be taken for it.
fn has_subscriber() -> bool {
    let ask = || tracing::dispatcher::get_default(|it| !it.is::<NoSubscriber>());
    std::thread::scope(|scope| {
        let asking = std::thread::Builder::new().spawn_scoped(scope, ask);
        asking.is_ok_and(|thread| thread.join().unwrap_or(false))
    })
}
