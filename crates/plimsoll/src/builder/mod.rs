//! What a service author may say, below what an operator may set.

mod health;
mod limits;
mod overload;
mod settings;
mod shared;
mod telemetry;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use plimsoll_core::peer::Trust;
use plimsoll_core::{Clock, Mode, Part, Rollout, Secret};
use plimsoll_errors::ErrorsLayer;
use plimsoll_health::{Budget, Check, Health, HealthBuilder, Heartbeat};
use plimsoll_ratelimit::client::Counts;
use plimsoll_ratelimit::{Answers, ConcurrencyLimit, Limit, Limiter, Overload};
use plimsoll_telemetry::{Ownership, Telemetry, Warning};

use crate::plimsoll::{Plimsoll, Shared, Told};
use crate::{Error, collect};

/// Builds a [`Plimsoll`]; every setting has a default, and `plimsoll.toml` and
/// `PLIMSOLL_*` stand above what is said here.
#[must_use = "call `install` or `build`"]
pub struct Builder {
    telemetry: plimsoll_telemetry::Builder,
    health: HealthBuilder,
    limits: Vec<Limit>,
    service: String,
    answers: Answers,
    modes: Vec<(Part, Mode)>,
    errors: ErrorsLayer,
    pub(crate) status: Option<SocketAddr>,
    /// Whether the code named it.
    status_named: bool,
    control: Option<SocketAddr>,
    control_token: Option<Secret<String>>,
    control_routes: Router,
    trust: Trust,
    timeout: Duration,
    concurrency: usize,
    overload: Option<Overload>,
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
            service: service.into(),
            answers: Answers::default(),
            modes: Vec::new(),
            errors: ErrorsLayer::new().domain(service),
            status: Some(ANY_PORT),
            status_named: false,
            control: Some(ANY_PORT),
            control_token: None,
            control_routes: Router::new(),
            trust: Trust::nobody(),
            timeout: Duration::from_secs(10),
            concurrency: 1_024,
            overload: None,
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

    /// Address of probes and metrics; `None` for no listener. Default: port 8081
    /// of every address of a pod under Kubernetes (`KUBERNETES_SERVICE_HOST` is
    /// set), since kubelet and Prometheus come from outside; else any port of the
    /// loopback.
    pub fn status(mut self, address: impl Into<Option<SocketAddr>>) -> Self {
        self.status = address.into();
        self.status_named = true;
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
        let shared = self.shared_names();
        let plimsoll = self.build()?;
        plimsoll.telemetry().install()?;
        if plimsoll.0.fleet.is_none() && !shared.is_empty() {
            let told = "limit_redis is not set: each process counts for itself";
            plimsoll.telemetry().say(told, &[("policies", shared)]);
        }
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
        self.budget.prove()?;
        let for_pod = !self.status_named && settings.get("status").is_none();
        let status_of_pod = for_pod && self.pod().is_some();
        self.apply(&settings);
        let mut faults = faults;
        if let Err(error) = self.budget.prove() {
            // An operator's numbers that don't fit stop no service; when the
            // platform kills it is a fact.
            self.budget = self.budget.fitted();
            faults.push(health::cut(&error, &self.budget));
        }
        let fleet = self.fleet(&settings, &mut faults)?;
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
        let concurrency = ConcurrencyLimit::new(self.concurrency);
        let (of_concurrency, watch) =
            overload::layer(concurrency.clone(), self.overload, &self.clock)?;
        let (of_telemetry, of_watch) = (telemetry.clone(), watch.clone());
        let mut health = self.health;
        if let Some(fleet) = fleet.clone() {
            health = health.advice("plimsoll.limits", move || fleet.trouble());
        }
        let health = health
            .advice("plimsoll.telemetry", move || of_telemetry.trouble())
            .advice("plimsoll.pressure", move || of_watch.trouble())
            .clock(self.clock.clone())
            .build()?;
        let clock = self.clock.clone();
        let limiter = Limiter::with(self.limits, self.clock, self.trust, self.answers)?;
        let shared = Shared {
            telemetry,
            health,
            limiter,
            inner_limiters: Mutex::default(),
            fleet,
            concurrency,
            of_concurrency,
            watch,
            paced: Counts::default(),
            clock,
            errors: self.errors.rollout(rollout.clone()),
            rollout,
            timeout: self.timeout,
            status: self.status,
            status_of_pod,
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
            life: Mutex::default(),
        };
        let plimsoll = Plimsoll::new(shared);
        collect::register(&plimsoll);
        Ok(plimsoll)
    }
}

/// The environment; what is not Unicode is none of ours.
fn process_env() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
