//! How the logs are made.

use std::io::Write;

use super::Builder;
use crate::config::Ownership;
use crate::logs::Format;
use crate::logs::sink::CAPACITY;

/// What the logs can be told.
pub(crate) struct LogsConfig {
    pub(crate) of: Ownership,
    pub(crate) format: Option<Format>,
    pub(crate) filter: String,
    pub(crate) output: Option<Box<dyn Write + Send>>,
    pub(crate) capacity: usize,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self {
            of: Ownership::Own,
            format: None,
            filter: "info".into(),
            output: None,
            capacity: CAPACITY,
        }
    }
}

impl Builder {
    /// Whose the logs are. Default: own.
    #[must_use]
    pub fn logs(mut self, of: Ownership) -> Self {
        self.logs.of = of;
        self
    }

    /// How lines are written. Default: pretty on a terminal, else JSON.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.logs.format = Some(format);
        self
    }

    /// Which events are logged, in the syntax of `RUST_LOG`. Default: `info`.
    /// Traces and metrics have nothing to do with it.
    #[must_use]
    pub fn log_filter(mut self, filter: impl Into<String>) -> Self {
        self.logs.filter = filter.into();
        self
    }

    /// Where lines go. Default: standard output.
    #[must_use]
    pub fn log_output(mut self, output: impl Write + Send + 'static) -> Self {
        self.logs.output = Some(Box::new(output));
        self
    }

    /// Bytes of lines that may wait for the output. Default: 32 MiB.
    #[must_use]
    pub fn log_capacity(mut self, bytes: usize) -> Self {
        self.logs.capacity = bytes;
        self
    }
}
