//! How Sentry is told.

use plimsoll_core::Secret;

use super::Builder;
use crate::config::Ownership;

/// What Sentry can be told.
#[derive(Default)]
pub(crate) struct SentryConfig {
    pub(crate) of: Ownership,
    pub(crate) dsn: Option<Secret<String>>,
    pub(crate) release: Option<String>,
    pub(crate) environment: Option<String>,
}

impl Builder {
    /// Whose Sentry is. Default: own, with a DSN; needs the feature `sentry`.
    #[must_use]
    pub fn sentry(mut self, of: Ownership) -> Self {
        self.sentry.of = of;
        self
    }

    /// The DSN that failures are sent to. Default: `SENTRY_DSN`.
    #[must_use]
    pub fn sentry_dsn(mut self, dsn: impl Into<String>) -> Self {
        self.sentry.dsn = Some(Secret::new(dsn.into()));
        self
    }

    /// The version of the service as Sentry is to show it, such as
    /// `card-service@1.4.2`. Default: `SENTRY_RELEASE`, else none.
    #[must_use]
    pub fn sentry_release(mut self, release: impl Into<String>) -> Self {
        self.sentry.release = Some(release.into());
        self
    }

    /// Where the service runs as Sentry is to show it. Default:
    /// `SENTRY_ENVIRONMENT`, else Sentry's own default, `production`.
    #[must_use]
    pub fn sentry_environment(mut self, environment: impl Into<String>) -> Self {
        self.sentry.environment = Some(environment.into());
        self
    }
}
