//! The face of the reporter in a build without Sentry.
#![expect(clippy::unused_self, reason = "the same face as with the feature")]

use std::time::Instant;

use plimsoll_core::Clock;
use plimsoll_core::record::Record;

use crate::builder::SentryConfig;
use crate::config::{Ownership, Warning};
use crate::error::TelemetryError;
use crate::exports::Outlet;
use crate::ledger::Balance;

/// Says once that a DSN has no effect in this build.
pub(crate) struct Reporter;

impl Reporter {
    pub(crate) fn new(
        config: &SentryConfig,
        env: &dyn Fn(&str) -> Option<String>,
        _: &str,
        warnings: &mut Vec<Warning>,
    ) -> Self {
        let dsn = config.dsn.clone();
        let dsn = dsn.or_else(|| env("SENTRY_DSN").map(Into::into));
        let named = dsn.is_some_and(|dsn| !dsn.expose().is_empty());
        if config.of == Ownership::Own && named {
            let problem = "is set, but this build lacks the feature `sentry`; no event is sent";
            warnings.push(Warning::new("SENTRY_DSN", problem));
        }
        Self
    }

    pub(crate) fn takes_crumbs(&self) -> bool {
        false
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same face as with the feature"
    )]
    pub(crate) fn is_free(&self) -> Result<(), TelemetryError> {
        Ok(())
    }

    pub(crate) fn install(&self) {}

    pub(crate) fn report(&self, _: &Clock, _: &Record) {}

    pub(crate) fn account(&self) -> Option<(Balance, Outlet)> {
        None
    }

    pub(crate) fn begin_close(&self) {}

    pub(crate) fn close(&self, _: Instant) {}

    pub(crate) fn hurry(&self) {}
}
