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

use std::fmt::Debug;
use std::io;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use plimsoll_core::otel::Otel;

use self::target::{LOGS, METRICS, Target};
use crate::config::Warning;
use crate::exports::Outlet;
use crate::ledger::Balance;
use crate::logs::sink::LogSink;

/// What sends one signal away, on a thread of its own.
trait Sending: Debug + Send + Sync {
    fn balance(&self) -> Balance;
    fn outlet(&self) -> Outlet;
    /// Ends a wait in `close`, now or to come.
    fn hurry(&self);
    /// Begins the end of what need not wait for other signals.
    fn begin_close(&self) {}
    /// Sends what is left until `deadline`.
    fn close(&self, deadline: Instant);
}

type Started = io::Result<Box<dyn Sending>>;

/// What of an instance is exported beside its spans; nothing without the features.
#[derive(Debug, Default)]
pub(crate) struct Otlp {
    logs: OnceLock<Box<dyn Sending>>,
    metrics: OnceLock<Box<dyn Sending>>,
}

/// What stands beside the service's own settings.
pub(crate) struct Settings<'a> {
    pub(crate) otel: &'a Otel,
    #[cfg_attr(
        not(any(feature = "otlp-logs", feature = "otlp-metrics")),
        expect(dead_code, reason = "nothing is sent without the features")
    )]
    pub(crate) resource: Vec<(String, String)>,
}

type Page = Box<dyn Fn() -> Option<String> + Send>;

impl Otlp {
    /// Exports the lines that `sink` takes from now on, in their JSON form.
    pub(crate) fn export_logs(
        &self,
        settings: Settings<'_>,
        sink: Option<&LogSink>,
        warnings: &mut Vec<Warning>,
    ) {
        let Some(target) = Target::of(LOGS, settings.otel, warnings) else {
            return;
        };
        let started = match sink {
            Some(sink) => start_logs(target, settings, sink).map_err(|error| {
                format!("the exporting thread did not start: {error}; nothing is exported")
            }),
            None => Err("the log is not ours or is written for people; set logs to own and the format to json; nothing is exported".into()),
        };
        keep(&self.logs, started, "OTEL_LOGS_EXPORTER", warnings);
    }

    /// Exports what `page` writes, at intervals.
    pub(crate) fn export_metrics(
        &self,
        settings: Settings<'_>,
        born: SystemTime,
        page: Page,
        warnings: &mut Vec<Warning>,
    ) {
        let Some(target) = Target::of(METRICS, settings.otel, warnings) else {
            return;
        };
        let started = start_metrics(target, settings, born, page).map_err(|error| {
            format!("the exporting thread did not start: {error}; nothing is exported")
        });
        keep(&self.metrics, started, "OTEL_METRICS_EXPORTER", warnings);
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, &dyn Sending)> {
        let both = [("otlp_logs", &self.logs), ("otlp_metrics", &self.metrics)];
        both.into_iter()
            .filter_map(|(signal, sending)| Some((signal, &**sending.get()?)))
    }

    pub(crate) fn balances(&self) -> impl Iterator<Item = (&'static str, Balance)> {
        self.each().map(|(signal, it)| (signal, it.balance()))
    }

    pub(crate) fn outlets(&self) -> impl Iterator<Item = Outlet> {
        self.each().map(|(_, it)| it.outlet())
    }

    pub(crate) fn hurry(&self) {
        self.each().for_each(|(_, it)| it.hurry());
    }

    /// Begins the end of what need not wait for other signals.
    pub(crate) fn begin_close(&self) {
        self.each().for_each(|(_, it)| it.begin_close());
    }

    /// Sends what waits, and the metrics once more, until `deadline`.
    pub(crate) fn close(&self, deadline: Instant) {
        self.each().for_each(|(_, it)| it.close(deadline));
    }
}

fn keep(
    place: &OnceLock<Box<dyn Sending>>,
    started: Result<Box<dyn Sending>, String>,
    setting: &str,
    warnings: &mut Vec<Warning>,
) {
    match started {
        Ok(sending) => _ = place.set(sending),
        Err(problem) => warnings.push(Warning::new(setting, problem)),
    }
}

#[cfg(feature = "otlp-logs")]
fn start_logs(target: Target, settings: Settings<'_>, sink: &LogSink) -> Started {
    let lines = logs::start(target, settings)?;
    let also = lines.clone();
    sink.also(move |line| {
        if let Some(slot) = also.reserve() {
            slot.fill(line.into());
        }
    });
    Ok(Box::new(lines))
}

#[cfg(feature = "otlp-metrics")]
fn start_metrics(target: Target, settings: Settings<'_>, born: SystemTime, page: Page) -> Started {
    let otel = settings.otel;
    let interval = otel.number("OTEL_METRIC_EXPORT_INTERVAL");
    let reader = reader::Reader::start(reader::Source {
        target: target.at_most(otel.number("OTEL_METRIC_EXPORT_TIMEOUT")),
        interval: std::time::Duration::from_millis(interval.unwrap_or(60_000)),
        resource: settings.resource,
        born,
        page,
    })?;
    Ok(Box::new(reader))
}

// Not reached: a target for what is not built is refused with a warning.

#[cfg(not(feature = "otlp-logs"))]
fn start_logs(_: Target, _: Settings<'_>, _: &LogSink) -> Started {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(feature = "otlp-metrics"))]
fn start_metrics(_: Target, _: Settings<'_>, _: SystemTime, _: Page) -> Started {
    Err(io::ErrorKind::Unsupported.into())
}
