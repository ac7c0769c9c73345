//! Log lines and metrics over OTLP, from what the instance writes anyway: the
//! lines of its log and the families of its page, so that none of them can
//! disagree.
//!
//! Both go by HTTP with protobuf, and only when `OTEL_LOGS_EXPORTER` or
//! `OTEL_METRICS_EXPORTER` says `otlp` and an endpoint is named. Every key of a
//! line is an attribute of its log record; the service stands in the resource.
//! A metric has the name of the semantic conventions where there is one, else
//! that of the page.

#[cfg(feature = "otlp-logs")]
mod logs;
#[cfg(feature = "otlp-metrics")]
mod metrics;
#[cfg(feature = "otlp-metrics")]
mod page;
#[cfg(any(feature = "otlp-logs", feature = "otlp-metrics"))]
mod post;
#[cfg(feature = "otlp-metrics")]
mod reader;
mod target;
#[cfg(any(feature = "otlp-logs", feature = "otlp-metrics"))]
mod value;

use std::time::{Duration, Instant, SystemTime};

use plimsoll_core::otel::Otel;

use self::target::{LOGS, METRICS, Target};
use crate::config::Warning;
use crate::exports::Outlet;
use crate::ledger::Balance;
use crate::logs::sink::LogSink;

/// What of an instance is exported beside its spans; nothing without the features.
#[derive(Debug, Default)]
pub(crate) struct Otlp {
    #[cfg(feature = "otlp-logs")]
    logs: std::sync::OnceLock<logs::Lines>,
    #[cfg(feature = "otlp-metrics")]
    metrics: std::sync::OnceLock<reader::Reader>,
}

/// What stands beside the service's own settings.
pub(crate) struct Settings<'a> {
    pub(crate) otel: &'a Otel,
    pub(crate) resource: Vec<(String, String)>,
}

impl Otlp {
    /// Exports the lines that `sink` takes from now on, in their JSON form.
    pub(crate) fn export_logs(
        &self,
        settings: &Settings<'_>,
        sink: Option<&LogSink>,
        warnings: &mut Vec<Warning>,
    ) {
        let Some(target) = Target::of(LOGS, settings.otel, warnings) else {
            return;
        };
        let mut warn = |problem: String| {
            warnings.push(Warning::new("OTEL_LOGS_EXPORTER", problem));
        };
        let Some(sink) = sink else {
            warn("the log is not ours or is written for people; set logs to own and the format to json; nothing is exported".into());
            return;
        };
        #[cfg(feature = "otlp-logs")]
        {
            let number = |name: &str, default| settings.otel.number(name).unwrap_or(default);
            let queue = number("OTEL_BLRP_MAX_QUEUE_SIZE", 2_048).min(1 << 20) as usize;
            let batch = number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512) as usize;
            let batching = crate::outbox::Batching {
                queue,
                batch: batch.min(queue),
                delay: Duration::from_millis(number("OTEL_BLRP_SCHEDULE_DELAY", 1_000)),
            };
            let target = target.at_most(settings.otel.number("OTEL_BLRP_EXPORT_TIMEOUT"));
            match logs::start(target, batching, settings.resource.clone()) {
                Ok(lines) => {
                    let lines = self.logs.get_or_init(|| lines).clone();
                    sink.also(move |line| {
                        if let Some(slot) = lines.reserve() {
                            slot.fill(line.into());
                        }
                    });
                }
                Err(error) => warn(format!("the exporting thread did not start: {error}")),
            }
        }
        #[cfg(not(feature = "otlp-logs"))]
        let _ = (target, sink, &mut warn);
    }

    /// Exports what `page` writes, at intervals.
    pub(crate) fn export_metrics(
        &self,
        settings: Settings<'_>,
        born: SystemTime,
        page: impl Fn() -> Option<String> + Send + 'static,
        warnings: &mut Vec<Warning>,
    ) {
        let Some(target) = Target::of(METRICS, settings.otel, warnings) else {
            return;
        };
        #[cfg(feature = "otlp-metrics")]
        {
            let interval = settings.otel.number("OTEL_METRIC_EXPORT_INTERVAL");
            let source = reader::Source {
                target: target.at_most(settings.otel.number("OTEL_METRIC_EXPORT_TIMEOUT")),
                interval: Duration::from_millis(interval.unwrap_or(60_000)),
                resource: settings.resource,
                born,
                page: Box::new(page),
            };
            match reader::Reader::start(source) {
                Ok(reader) => _ = self.metrics.set(reader),
                Err(error) => {
                    let problem = format!("the exporting thread did not start: {error}");
                    warnings.push(Warning::new("OTEL_METRICS_EXPORTER", problem));
                }
            }
        }
        #[cfg(not(feature = "otlp-metrics"))]
        let _ = (target, born, page, settings.resource);
    }

    pub(crate) fn balances(&self) -> Vec<(&'static str, Balance)> {
        let mut balances = Vec::new();
        #[cfg(feature = "otlp-logs")]
        balances.extend(self.logs.get().map(|it| ("otlp_logs", it.balance())));
        #[cfg(feature = "otlp-metrics")]
        balances.extend(self.metrics.get().map(|it| ("otlp_metrics", it.balance())));
        balances
    }

    pub(crate) fn outlets(&self) -> Vec<Outlet> {
        let mut outlets = Vec::new();
        #[cfg(feature = "otlp-logs")]
        outlets.extend(self.logs.get().map(|it| it.outlet("otlp_logs")));
        #[cfg(feature = "otlp-metrics")]
        outlets.extend(self.metrics.get().map(reader::Reader::outlet));
        outlets
    }

    pub(crate) fn hurry(&self) {
        #[cfg(feature = "otlp-logs")]
        if let Some(logs) = self.logs.get() {
            logs.hurry();
        }
        #[cfg(feature = "otlp-metrics")]
        if let Some(metrics) = self.metrics.get() {
            metrics.hurry();
        }
    }

    /// Begins the last export of metrics, which need not wait for other signals.
    pub(crate) fn begin_close(&self) {
        #[cfg(feature = "otlp-metrics")]
        if let Some(metrics) = self.metrics.get() {
            metrics.begin_close();
        }
    }

    /// Sends what waits, and the metrics once more, until `deadline`.
    pub(crate) fn close(&self, deadline: Instant) {
        #[cfg(feature = "otlp-metrics")]
        if let Some(metrics) = self.metrics.get() {
            metrics.close(deadline);
        }
        #[cfg(feature = "otlp-logs")]
        if let Some(logs) = self.logs.get() {
            logs.close(deadline);
        }
        let _ = deadline;
    }
}
