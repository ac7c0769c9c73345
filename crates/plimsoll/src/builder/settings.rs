//! What an operator may set, above what the code says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use plimsoll_core::peer::Trust;
use plimsoll_core::settings::Settings;
use plimsoll_core::{Secret, settings};
use plimsoll_health::Budget;
use plimsoll_telemetry::Telemetry;

use super::Builder;

impl Builder {
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        (self.env)()
    }

    /// What the code says of a setting, where it is a text.
    pub(crate) fn in_code(&self, key: &str) -> Option<String> {
        let address = |at: Option<SocketAddr>| at.map_or("off".into(), |at| at.to_string());
        let lasting = |time| humantime::format_duration(time).to_string();
        Some(match key {
            "status" => address(self.status_in_code()),
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
                return errors
                    .or_else(|| self.overload_in_code(key))
                    .or_else(|| self.telemetry.in_code(key));
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
        self.status = address("status").unwrap_or_else(|| self.status_in_code());
        self.control = address("control").unwrap_or(self.control);
        if let Some(token) = settings.get("control_token") {
            self.control_token = Some(Secret::new(token.into()));
        }
        if let Some(trust) = settings.parse::<Trust>("trust") {
            self.trust = trust.told_by(self.trust.header().clone());
        }
        if let Some(header) = settings.parse("trust_header") {
            self.trust = std::mem::take(&mut self.trust).told_by(header);
        }
        self.apply_to_limits(settings);
        let or = |key: &str, code: Duration| settings.duration(key).unwrap_or(code);
        self.timeout = or("timeout", self.timeout);
        self.budget = Budget {
            propagation: or("wait", self.budget.propagation),
            drain: or("drain", self.budget.drain),
            flush: or("flush", self.budget.flush),
            grace: or("grace", self.budget.grace),
        };
        self.concurrency = settings.parse("concurrency").unwrap_or(self.concurrency);
        self.apply_overload(settings);
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
        if let Some(types) = settings.parse("errors_types") {
            errors = errors.types(types);
        }
        self.errors = errors;
        let telemetry = std::mem::replace(&mut self.telemetry, Telemetry::builder(""));
        let rust_log = self.variables().into_iter();
        let rust_log = rust_log.filter(|(name, filter)| name == "RUST_LOG" && !filter.is_empty());
        let rust_log = rust_log.map(|(_, filter)| filter).next();
        self.telemetry = super::telemetry::apply(telemetry, settings, rust_log);
    }
}
