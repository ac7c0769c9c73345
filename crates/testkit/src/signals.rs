//! Every signal of one instance, in the process of the test and without globals.

use std::time::Duration;

use plimsoll_telemetry::{Builder, Format, Report, Telemetry};
use serde_json::Value;

use crate::capture::Lines;
use crate::otlp::{Collector, Span, hex};
use crate::page::Page;
use crate::receiver::Behaviour;
use crate::sentry::Sink;

/// Where the signals of an instance go: a log output, a collector, a Sentry sink.
#[derive(Debug)]
pub struct Receivers {
    /// What was logged.
    pub lines: Lines,
    /// What was traced.
    pub collector: Collector,
    /// What was reported.
    pub sentry: Sink,
}

impl Receivers {
    /// Starts healthy ones.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub async fn start() -> Self {
        Self {
            lines: Lines::default(),
            collector: Collector::start(Behaviour::Healthy).await,
            sentry: Sink::start(Behaviour::Healthy).await,
        }
    }

    /// Points an instance at these. Sentry's sink is named with the feature
    /// `sentry` only: without it a DSN would be a warning.
    #[must_use]
    pub fn receive(&self, builder: Builder) -> Builder {
        let builder = builder
            .format(Format::Json)
            .log_output(self.lines.clone())
            .otlp(self.collector.endpoint());
        if cfg!(feature = "sentry") {
            return builder.sentry_dsn(self.sentry.dsn());
        }
        builder
    }

    /// Together with the instance that was pointed at them.
    pub fn of(self, telemetry: &Telemetry) -> Signals {
        Signals {
            receivers: self,
            telemetry: telemetry.clone(),
        }
    }
}

/// An instance and everything it said, in all five signals: log lines, spans,
/// the metrics page, Sentry events, the ledger.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use plimsoll_testkit::signals::Signals;
///
/// let signals = Signals::start("card-service").await;
/// signals.telemetry().say("hello", &[]);
/// let report = signals.shutdown().await;
/// assert!(report.holds() && report.lost() == 0);
/// assert_eq!(signals.lines()[0]["message"], "hello");
/// # });
/// ```
///
/// An instance of one's own settings; the facade's builder takes them by
/// `.telemetry(|it| receivers.receive(it))`:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use plimsoll_telemetry::Telemetry;
/// use plimsoll_testkit::otlp::Behaviour;
/// use plimsoll_testkit::signals::Receivers;
///
/// let receivers = Receivers::start().await;
/// receivers.collector.turn(Behaviour::Dead).await;
/// let telemetry = receivers.receive(Telemetry::builder("card-service"));
/// let telemetry = telemetry.env([]).sample_ratio(0.5).build().unwrap();
/// let signals = receivers.of(&telemetry);
/// assert!(signals.shutdown().await.holds());
/// # });
/// ```
#[derive(Debug)]
pub struct Signals {
    receivers: Receivers,
    telemetry: Telemetry,
}

/// What speaks of one trace.
#[derive(Debug)]
pub struct OfTrace {
    /// Log lines with its id.
    pub lines: Vec<Value>,
    /// Spans with its id.
    pub spans: Vec<Span>,
    /// Sentry events with its id in the tag `trace_id` or the trace context.
    pub events: Vec<Value>,
}

impl Signals {
    /// An instance with defaults, which owes nothing to the environment, and
    /// healthy receivers.
    ///
    /// # Panics
    ///
    /// When a thread or a port cannot be had.
    pub async fn start(service: &str) -> Self {
        let receivers = Receivers::start().await;
        let builder = receivers.receive(Telemetry::builder(service));
        let telemetry = builder.env([]).build().unwrap();
        receivers.of(&telemetry)
    }

    /// The instance.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Where its signals go.
    pub fn receivers(&self) -> &Receivers {
        &self.receivers
    }

    /// Log lines so far.
    ///
    /// # Panics
    ///
    /// When a line is not JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.receivers.lines.all()
    }

    /// Spans the collector kept so far.
    pub fn spans(&self) -> Vec<Span> {
        self.receivers.collector.spans()
    }

    /// The metrics page now.
    ///
    /// # Panics
    ///
    /// When it is not one.
    pub fn page(&self) -> Page {
        Page::read(&self.telemetry.render())
    }

    /// Sentry events the sink took so far.
    pub fn events(&self) -> Vec<Value> {
        self.receivers.sentry.events()
    }

    /// The ledger now.
    pub fn report(&self) -> Report {
        self.telemetry.report()
    }

    /// What speaks of this trace so far, its id in 32 hexadecimal digits.
    ///
    /// # Panics
    ///
    /// When a line is not JSON.
    pub fn of_trace(&self, trace_id: &str) -> OfTrace {
        let in_event = |event: &Value| {
            let contexts = &event["contexts"]["trace"]["trace_id"];
            event["tags"]["trace_id"] == trace_id || *contexts == trace_id
        };
        let (mut lines, mut spans, mut events) = (self.lines(), self.spans(), self.events());
        lines.retain(|line| line["trace_id"] == trace_id);
        spans.retain(|span| hex(&span.trace_id) == trace_id);
        events.retain(in_event);
        OfTrace {
            lines,
            spans,
            events,
        }
    }

    /// Flushes and ends every signal within ten seconds; the receivers keep
    /// what they have.
    ///
    /// # Panics
    ///
    /// When the shutdown panics.
    pub async fn shutdown(&self) -> Report {
        self.shutdown_within(Duration::from_secs(10)).await
    }

    /// As [`Signals::shutdown`], within `limit`.
    ///
    /// # Panics
    ///
    /// When the shutdown panics.
    pub async fn shutdown_within(&self, limit: Duration) -> Report {
        let telemetry = self.telemetry.clone();
        let shut = tokio::task::spawn_blocking(move || telemetry.shutdown(limit));
        shut.await.unwrap()
    }
}
