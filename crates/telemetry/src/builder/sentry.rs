//! How Sentry is told.

use super::Builder;
use crate::config::Ownership;

/// What Sentry can be told.
#[derive(Default)]
pub(crate) struct SentryConfig {
    pub(crate) of: Ownership,
    pub(crate) dsn: Option<String>,
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
        self.sentry.dsn = Some(dsn.into());
        self
    }
}
