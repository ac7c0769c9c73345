//! What a service author may say, below what an operator may set.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use plimsoll_core::peer::Trust;
use plimsoll_core::settings::{self, Settings};
use plimsoll_core::{Clock, Keep, Mode, Part, Rollout, Secret};
use plimsoll_errors::ErrorsLayer;
use plimsoll_health::{Budget, Check, Health, HealthBuilder, Heartbeat};
use plimsoll_ratelimit::{ConcurrencyLimit, Limit, Limiter};
use plimsoll_telemetry::{Format, Ownership, Telemetry, Warning};

use crate::plimsoll::{Plimsoll, Shared, Told};
use crate::{Error, collect};

/// Builds a [`Plimsoll`]; every setting has a default, and `plimsoll.toml` and
/// `PLIMSOLL_*` stand above what is said here.
#[must_use = "call `install` or `build`"]
pub struct Builder {
    telemetry: plimsoll_telemetry::Builder,
    health: HealthBuilder,
    limits: Vec<Limit>,
    modes: Vec<(Part, Mode)>,
    errors: ErrorsLayer,
    pub(crate) status: Option<SocketAddr>,
    control: Option<SocketAddr>,
    control_token: Option<Secret<String>>,
    control_routes: Router,
    trust: Trust,
    timeout: Duration,
    concurrency: usize,
    budget: Budget,
    clock: Clock,
    config: Option<PathBuf>,
    env: fn() -> Vec<(String, String)>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("telemetry", &self.telemetry)
            .finish_non_exhaustive()
    }
}

/// Where listeners stand unless told otherwise: any free port of the loopback.
const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

impl Builder {
    pub(crate) fn new(service: &str) -> Self {
        Self {
            telemetry: Telemetry::builder(service),
            health: Health::builder(),
            limits: Vec::new(),
            modes: Vec::new(),
            errors: ErrorsLayer::new().domain(service),
            status: Some(ANY_PORT),
            control: Some(ANY_PORT),
            control_token: None,
            control_routes: Router::new(),
            trust: Trust::nobody(),
            timeout: Duration::from_secs(10),
            concurrency: 1_024,
            budget: Budget::default(),
            clock: Clock::system(),
            config: None,
            env: process_env,
        }
    }

    /// A dependency without which the service cannot answer.
    pub fn readiness(mut self, check: Check) -> Self {
        self.health = self.health.readiness(check);
        self
    }

    /// Evidence from within the process that it makes progress.
    pub fn liveness(mut self, heart: Heartbeat) -> Self {
        self.health = self.health.liveness(heart);
        self
    }

    /// A limit on how often somebody may call. All of them must allow a request.
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// What a part that can change an answer may do. Default: enforce.
    pub fn mode(mut self, part: Part, mode: Mode) -> Self {
        self.modes.push((part, mode));
        self
    }

    /// What every part may do.
    pub fn mode_of_all(mut self, mode: Mode) -> Self {
        self.modes.extend(Part::ALL.map(|part| (part, mode)));
        self
    }

    /// Address of probes and metrics; `None` for no listener. Default: any port of the loopback.
    pub fn status(mut self, address: impl Into<Option<SocketAddr>>) -> Self {
        self.status = address.into();
        self
    }

    /// Address of what changes things; `None` for no listener. Default: any port of the loopback.
    pub fn control(mut self, address: impl Into<Option<SocketAddr>>) -> Self {
        self.control = address.into();
        self
    }

    /// The bearer token of the control listener; needed off the loopback.
    pub fn control_token(mut self, token: impl Into<String>) -> Self {
        self.control_token = Some(Secret::new(token.into()));
        self
    }

    /// The service's own routes for the control listener, beside `/`,
    /// `/log`, `/rollout`, `/ledger`, `/series`, `/errors.json` and the probes,
    /// which are taken.
    ///
    /// # Panics
    ///
    /// As axum's `Router::merge`, when a path is taken or both have a fallback.
    pub fn control_routes(mut self, routes: Router) -> Self {
        self.control_routes = self.control_routes.merge(routes);
        self
    }

    /// Proxies whose headers are believed. Default: nobody.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Longest time to a response head. Default: 10 s.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Most requests in flight. Default: 1,024.
    pub fn concurrency(mut self, max: usize) -> Self {
        self.concurrency = max;
        self
    }

    /// Where the pages of the error codes are, whose failures take the shape, how
    /// ours becomes the service's own, and the body limit.
    pub fn errors(mut self, change: impl FnOnce(ErrorsLayer) -> ErrorsLayer) -> Self {
        self.errors = change(self.errors);
        self
    }

    /// How long each step of a shutdown may take. Default: 5, 18, 3 of 30 s.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Whose the logs are. Default: own.
    pub fn logs(mut self, of: Ownership) -> Self {
        self.telemetry = self.telemetry.logs(of);
        self
    }

    /// Whose the metrics are. Default: own.
    pub fn metrics(mut self, of: Ownership) -> Self {
        self.telemetry = self.telemetry.metrics(of);
        self
    }

    /// Whose the traces are. Default: own.
    pub fn traces(mut self, of: Ownership) -> Self {
        self.telemetry = self.telemetry.traces(of);
        self
    }

    /// Whose Sentry is. Default: own.
    pub fn sentry(mut self, of: Ownership) -> Self {
        self.telemetry = self.telemetry.sentry(of);
        self
    }

    /// Whose every signal is: for a guest in a service that has all of them.
    pub fn signals(self, of: Ownership) -> Self {
        self.logs(of).metrics(of).traces(of).sentry(of)
    }

    /// Further settings of telemetry: formats, outputs, endpoints, sampling.
    pub fn telemetry(
        mut self,
        change: impl FnOnce(plimsoll_telemetry::Builder) -> plimsoll_telemetry::Builder,
    ) -> Self {
        self.telemetry = change(self.telemetry);
        self
    }

    /// The clock of every part. Default: the machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The settings file. Default: `PLIMSOLL_CONFIG`, else `plimsoll.toml` in
    /// the working directory if there is one.
    pub fn config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// Where the environment is read. Default: the process's. Tests give their own.
    pub fn env(mut self, env: fn() -> Vec<(String, String)>) -> Self {
        self.env = env;
        self
    }

    /// Builds the instance and takes the globals of every signal that is `own`.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`], and when the host has a global already.
    pub fn install(self) -> Result<Plimsoll, Error> {
        let plimsoll = self.build()?;
        plimsoll.telemetry().install()?;
        Ok(plimsoll)
    }

    /// Builds the instance and leaves the globals of the process alone.
    ///
    /// # Errors
    ///
    /// When a limit, a check or the shutdown's budget cannot be kept as it is
    /// written. Faults in settings are warnings.
    pub fn build(mut self) -> Result<Plimsoll, Error> {
        let (settings, faults) = self.settings();
        let budget = self.budget;
        budget.prove()?;
        self.apply(&settings);
        let mut faults = faults;
        if let Err(error) = self.budget.prove() {
            // An operator's numbers that don't fit stop no service: the author's hold.
            faults.push(settings::Fault {
                setting: "wait, drain, flush, grace".into(),
                problem: format!("{error}; the program's own are used"),
            });
            self.budget = budget;
        }
        let rollout = Rollout::default();
        for (part, mode) in self.modes {
            rollout.set(part, mode);
        }
        let env = (self.env)();
        let telemetry = self
            .telemetry
            .env(env)
            .clock(self.clock.clone())
            .trust(self.trust.clone())
            .build()?;
        for fault in faults {
            telemetry.warn(Warning::new(fault.setting, fault.problem));
        }
        let of_telemetry = telemetry.clone();
        let health = self
            .health
            .advice("plimsoll.telemetry", move || of_telemetry.trouble())
            .clock(self.clock.clone())
            .build()?;
        let limiter = Limiter::new(self.limits, self.clock, self.trust)?;
        let shared = Shared {
            telemetry,
            health,
            limiter,
            concurrency: ConcurrencyLimit::new(self.concurrency),
            errors: self.errors.rollout(rollout.clone()),
            rollout,
            timeout: self.timeout,
            status: self.status,
            control: self.control,
            control_token: self
                .control_token
                .filter(|token| !token.expose().is_empty()),
            control_routes: Mutex::new(self.control_routes),
            catalog: Told::default(),
            budget: self.budget,
            connections: Arc::default(),
            runtime: OnceLock::new(),
            revert: Mutex::default(),
        };
        let plimsoll = Plimsoll::new(shared);
        collect::register(&plimsoll);
        Ok(plimsoll)
    }

    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        (self.env)()
    }

    /// What the code says of a setting, where it is a text.
    pub(crate) fn in_code(&self, key: &str) -> Option<String> {
        let address = |at: Option<SocketAddr>| at.map_or("off".into(), |at| at.to_string());
        let lasting = |time| humantime::format_duration(time).to_string();
        Some(match key {
            "status" => address(self.status),
            "control" => address(self.control),
            "control_token" => self.control_token.as_ref()?.expose().clone(),
            "timeout" => lasting(self.timeout),
            "concurrency" => self.concurrency.to_string(),
            "wait" => lasting(self.budget.propagation),
            "drain" => lasting(self.budget.drain),
            "flush" => lasting(self.budget.flush),
            "grace" => lasting(self.budget.grace),
            _ => {
                let errors = self.errors.in_code(key);
                return errors.or_else(|| self.telemetry.in_code(key));
            }
        })
    }

    pub(crate) fn settings(&self) -> (Settings, Vec<settings::Fault>) {
        let env = (self.env)();
        let named = env.iter().find(|(name, _)| name == settings::FILE_VARIABLE);
        let named = named.map(|(_, path)| PathBuf::from(path));
        let asked = self.config.clone().or(named);
        let path = asked.clone().unwrap_or_else(|| settings::FILE.into());
        match std::fs::read_to_string(&path) {
            Ok(text) => Settings::read(Some(&text), env),
            Err(error) if asked.is_some() || error.kind() != std::io::ErrorKind::NotFound => {
                let (settings, mut faults) = Settings::read(None, env);
                let setting = path.display().to_string();
                let problem = format!("cannot be read: {error}");
                faults.insert(0, settings::Fault { setting, problem });
                (settings, faults)
            }
            Err(_) => Settings::read(None, env),
        }
    }

    pub(crate) fn apply(&mut self, settings: &Settings) {
        if let Some(modes) = settings
            .get("mode")
            .and_then(|text| settings::modes(text).ok())
        {
            self.modes.extend(modes);
        }
        let address = |key: &str| match settings.get(key) {
            None => None,
            Some("off") => Some(None),
            Some(text) => text.parse().ok().map(Some),
        };
        self.status = address("status").unwrap_or(self.status);
        self.control = address("control").unwrap_or(self.control);
        if let Some(token) = settings.get("control_token") {
            self.control_token = Some(Secret::new(token.into()));
        }
        if let Some(trust) = settings.parse("trust") {
            self.trust = trust;
        }
        let or = |key: &str, code: Duration| settings.duration(key).unwrap_or(code);
        self.timeout = or("timeout", self.timeout);
        self.budget = Budget {
            propagation: or("wait", self.budget.propagation),
            drain: or("drain", self.budget.drain),
            flush: or("flush", self.budget.flush),
            grace: or("grace", self.budget.grace),
        };
        self.concurrency = settings.parse("concurrency").unwrap_or(self.concurrency);
        let bytes = settings.parse("body_limit");
        let base = settings.get("errors_base").map(str::to_owned);
        let mut errors = std::mem::take(&mut self.errors);
        if bytes.is_some() {
            errors = errors.body_limit(bytes);
        }
        if let Some(base) = base {
            errors = errors.base(base);
        }
        if let Some(shape) = settings.parse("shape") {
            errors = errors.shape(shape);
        }
        self.errors = errors;
        let mut telemetry = std::mem::replace(&mut self.telemetry, Telemetry::builder(""));
        let rust_log = (self.env)()
            .into_iter()
            .find(|(name, _)| name == "RUST_LOG");
        let rust_log = rust_log
            .map(|(_, filter)| filter)
            .filter(|filter| !filter.is_empty());
        if let Some(filter) = settings.get("log").map(str::to_owned).or(rust_log) {
            telemetry = telemetry.log_filter(filter);
        }
        if let Some(lines) = settings.get("log_callsite") {
            // Found to be a number or `off`.
            telemetry = telemetry.log_callsite(lines.parse::<u32>().ok());
        }
        if let Some(share) = settings.parse("log_success_sample") {
            telemetry = telemetry.log_success_sample(share);
        }
        match settings.get("log_format") {
            Some("json") => telemetry = telemetry.format(Format::Json),
            Some("pretty") => telemetry = telemetry.format(Format::Pretty),
            _ => {}
        }
        if let Some(filter) = settings.get("trace_filter") {
            telemetry = telemetry.trace_filter(filter);
        }
        if let Some(switch) = settings.get("flight") {
            telemetry = telemetry.flight(switch == "on");
        }
        if let Some(targets) = settings.get("flight_targets") {
            telemetry = telemetry.flight_targets(targets);
        }
        let triggers = settings.get("flight_triggers").map(Keep::list);
        if let Some(Ok(triggers)) = triggers {
            telemetry = telemetry.flight_triggers(triggers);
        }
        if let Some(bytes) = settings.parse("flight_bytes") {
            telemetry = telemetry.flight_bytes(bytes);
        }
        if let Some(lines) = settings.parse("flight_lines") {
            telemetry = telemetry.flight_lines(lines);
        }
        if let Some(names) = settings.get("log_headers") {
            telemetry = telemetry.log_headers(names);
        }
        if let Some(names) = settings.get("log_query") {
            telemetry = telemetry.log_query(names);
        }
        if let Some(file) = settings.get("errors_seen") {
            telemetry = telemetry.errors_seen(file);
        }
        if let Some(of) = settings.parse::<Ownership>("logs") {
            telemetry = telemetry.logs(of);
        }
        if let Some(of) = settings.parse::<Ownership>("metrics") {
            telemetry = telemetry.metrics(of);
        }
        if let Some(of) = settings.parse::<Ownership>("traces") {
            telemetry = telemetry.traces(of);
        }
        if let Some(of) = settings.parse::<Ownership>("sentry") {
            telemetry = telemetry.sentry(of);
        }
        if let Some(lean) = settings.parse("lean") {
            telemetry = telemetry.lean(lean);
        }
        if let Some(ratio) = settings.parse("sample_ratio") {
            telemetry = match settings.source("sample_ratio") {
                Some(settings::Source::Env) => telemetry.operator_sample_ratio(ratio),
                _ => telemetry.sample_ratio(ratio),
            };
        }
        if let Some(keep) = settings.parse("keep") {
            telemetry = telemetry.keep_failures(keep);
        }
        if let Some(most) = settings.parse("metrics_series") {
            telemetry = telemetry.metrics_series(most);
        }
        if let Some(most) = settings.parse("metrics_series_per_metric") {
            telemetry = telemetry.metrics_series_per_metric(most);
        }
        if let Some(on) = settings.parse("metrics_sizes") {
            telemetry = telemetry.metrics_sizes(on);
        }
        for alias in settings::list(settings.get("aliases").unwrap_or("")) {
            if let Ok(alias) = alias.parse() {
                telemetry = telemetry.metrics_alias(alias);
            }
        }
        self.telemetry = telemetry;
    }
}

/// The environment; what is not Unicode is none of ours.
fn process_env() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
