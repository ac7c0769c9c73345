//! Why telemetry could not start.

/// Why telemetry could not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The log writer's thread did not start.
    LogThread(std::io::Error),
    /// The process has a `tracing` subscriber already.
    SubscriberTaken,
    /// The process has a Sentry client already.
    SentryTaken,
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
            Self::SentryTaken => f.write_str(
                "this process has a Sentry client already: build with Sentry on `join`, and failures are sent by that client",
            ),
            Self::RecorderTaken => f.write_str(
                "this process has a metrics recorder already: build with metrics on `join` and add `render_into` to its page",
            ),
        }
    }
}

impl std::error::Error for TelemetryError {}
