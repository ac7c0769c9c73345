//! What the flight recorder keeps.

use plimsoll_core::{Clock, Keep};
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

use super::Builder;
use crate::config::{Ownership, Warning};
use crate::flight;
use crate::logs::filter::Rules;
use crate::logs::levels::{Directives, Levels};

/// What the flight recorder can be told.
pub(crate) struct FlightConfig {
    pub(crate) on: bool,
    pub(crate) targets: String,
    pub(crate) bytes: usize,
    pub(crate) lines: u64,
    pub(crate) triggers: Vec<Keep>,
}

impl Default for FlightConfig {
    fn default() -> Self {
        Self {
            on: true,
            targets: flight::TARGETS.into(),
            bytes: flight::BYTES,
            lines: flight::LINES,
            triggers: Keep::ALL.into(),
        }
    }
}

impl FlightConfig {
    /// The levels to begin with; what cannot be read warns.
    pub(super) fn levels(
        &self,
        log: &str,
        logs: Ownership,
        clock: &Clock,
        warnings: &mut Vec<Warning>,
    ) -> Levels {
        let mut flight = (self.on && logs == Ownership::Own).then(|| self.targets.clone());
        if self.on && STATIC_MAX_LEVEL < LevelFilter::DEBUG && flight.is_some() {
            let problem = format!(
                "this build has no events below {STATIC_MAX_LEVEL} (a `max_level_*` feature of tracing), so there is nothing to record"
            );
            warnings.push(Warning::new("flight", problem));
        }
        if let Some(targets) = &flight
            && let Err(error) = Rules::parse("info", Some(targets))
        {
            let problem = format!("{error}; `{}` is used", flight::TARGETS);
            warnings.push(Warning::new("PLIMSOLL_FLIGHT_TARGETS", problem));
            flight = Some(flight::TARGETS.into());
        }
        let mut log = log.to_owned();
        let rules = Rules::parse(&log, flight.as_deref()).unwrap_or_else(|error| {
            let problem = format!("{error}; `info` is used");
            warnings.push(Warning::new("PLIMSOLL_LOG", problem));
            log = "info".into();
            Rules::fallback(flight.is_some())
        });
        let directives = Directives {
            log,
            flight,
            triggers: self.triggers.clone(),
            sample_ratio: None,
        };
        Levels::new(directives, rules, clock.clone())
    }
}

impl Builder {
    /// Whether events below the log's filter are kept until their request's
    /// end, and written if that is a bad one. Needs logs of our own. Default: on.
    #[must_use]
    pub fn flight(mut self, on: bool) -> Self {
        self.flight.on = on;
        self
    }

    /// Which events are kept, as `target=level` or `level`, the longest target
    /// that fits deciding. Crates that speak on the wire or to a database
    /// (hyper, h2, rustls, reqwest, sqlx, tokio, ...) must be named to be kept.
    /// Default: `trace`.
    #[must_use]
    pub fn flight_targets(mut self, targets: impl Into<String>) -> Self {
        self.flight.targets = targets.into();
        self
    }

    /// For which endings the events are written. Default: all.
    #[must_use]
    pub fn flight_triggers(mut self, triggers: impl Into<Vec<Keep>>) -> Self {
        self.flight.triggers = triggers.into();
        self
    }

    /// Bytes of events kept per request, 1 KiB to 512 KiB. Default: 16 KiB.
    #[must_use]
    pub fn flight_bytes(mut self, bytes: usize) -> Self {
        self.flight.bytes = bytes.clamp(flight::LEAST, flight::MOST);
        self
    }

    /// Most lines a second that all requests together may write of their quiet
    /// events. Default: 1,000.
    #[must_use]
    pub fn flight_lines(mut self, lines: u64) -> Self {
        self.flight.lines = lines;
        self
    }
}
