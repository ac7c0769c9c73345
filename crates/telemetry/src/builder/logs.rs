//! How the logs are made.

use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use plimsoll_core::Clock;

use super::Builder;
use crate::config::Ownership;
use crate::logs::Format;
use crate::logs::callsite::{CallsiteLimit, Callsites};
use crate::logs::sink::CAPACITY;
use crate::logs::style::{Sample, Style};

/// Lines a second that one callsite may write unless told otherwise.
const CALLSITE_PER_SECOND: u32 = 100;

/// What the logs can be told.
pub(crate) struct LogsConfig {
    pub(crate) of: Ownership,
    pub(crate) format: Option<Format>,
    pub(crate) filter: String,
    pub(crate) output: Option<Box<dyn Write + Send>>,
    pub(crate) capacity: usize,
    pub(crate) callsite_per_second: Option<u32>,
    pub(crate) success_sample: f64,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self {
            of: Ownership::Own,
            format: None,
            filter: "info".into(),
            output: None,
            capacity: CAPACITY,
            callsite_per_second: Some(CALLSITE_PER_SECOND),
            success_sample: 1.0,
        }
    }
}

impl LogsConfig {
    /// How lines are written, and what is kept for each callsite.
    pub(super) fn style(
        &self,
        service: &str,
        clock: &Clock,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> (Arc<Style>, Arc<Callsites>) {
        let terminal = self.output.is_none() && std::io::stdout().is_terminal();
        let format = self.format.unwrap_or(if terminal {
            Format::Pretty
        } else {
            Format::Json
        });
        // no-color.org: set, to anything but nothing.
        let plain = env("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env("TERM").is_some_and(|value| value == "dumb");
        let colour = terminal && !plain;
        let sample = Sample::new(self.success_sample);
        let style = Style::new(format, colour, clock.clone(), service, sample);
        let limit = self.callsite_per_second.map(CallsiteLimit::per_second);
        (Arc::new(style), Arc::new(Callsites::new(limit)))
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

    /// Lines a second that one callsite of the application may write, at least
    /// 1, with ten seconds' worth of them at once; `None` for any number. The
    /// rest is counted in the ledger and told by a line of its own. A request's
    /// own line has no such limit. Default: 100.
    #[must_use]
    pub fn log_callsite(mut self, lines_per_second: impl Into<Option<u32>>) -> Self {
        self.logs.callsite_per_second = lines_per_second.into();
        self
    }

    /// The share of successes, 0 to 1, whose request line is written: by trace
    /// id, with `weight` on the line. Whatever failed, was refused or was slow
    /// is written always. Default: 1. Lines that are sampled away were never
    /// made, so no ledger has them.
    #[must_use]
    pub fn log_success_sample(mut self, share: f64) -> Self {
        self.logs.success_sample = share;
        self
    }
}
