//! What every layer of one instance writes to, and where records end.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use plimsoll_core::peer::Trust;
use plimsoll_core::record::Record;
use plimsoll_core::shown::Allowed;
use plimsoll_core::{Clock, Keep, Outcome, Sink, redact};

use crate::builder::metrics::HostPage;
use crate::client::series::CallSeries;
use tracing_subscriber::filter::Targets;

use crate::config::Warning;
use crate::exports::Outlet;
use crate::flight::{Flight, To};
use crate::grpc_routes::GrpcRoutes;
use crate::ledger::Balance;
use crate::logs::access;
use crate::logs::callsite::Callsites;
use crate::logs::levels::Levels;
use crate::logs::sink::LogSink;
use crate::logs::style::Style;
use crate::metrics::exemplar::Mark;
use crate::metrics::series::RequestSeries;
use crate::metrics::{MetricsRecorder, Page};
use crate::otlp::Otlp;
use crate::pool;
use crate::report::Requests;
use crate::rows::{Row, Rows};
use crate::sentry::Reporter;
use crate::slow::SlowBudget;
use crate::traces::{BoundedProcessor, Spans};
use crate::trouble::Watch;

type Collector = Box<dyn Fn(&mut Page) + Send + Sync>;

/// Everything one layer writes to.
pub(crate) struct Instance {
    pub(crate) service: String,
    pub(crate) clock: Clock,
    pub(crate) trust: Trust,
    pub(crate) shown: Allowed,
    pub(crate) born: SystemTime,
    pub(crate) style: Arc<Style>,
    pub(crate) callsites: Arc<Callsites>,
    pub(crate) levels: Arc<Levels>,
    pub(crate) flight: Option<Arc<Flight>>,
    pub(crate) logs: Option<LogSink>,
    pub(crate) join_logs: bool,
    pub(crate) own_metrics: bool,
    pub(crate) host_page: Option<HostPage>,
    pub(crate) recorder: MetricsRecorder,
    pub(crate) rows: Rows,
    pub(crate) spans: Spans,
    /// What of the application's spans and events goes into traces.
    pub(crate) traced: Targets,
    pub(crate) lean: bool,
    pub(crate) otlp: Otlp,
    pub(crate) sentry: Reporter,
    pub(crate) warnings: Mutex<Vec<Warning>>,
    pub(crate) state: State,
}

/// What changes while an instance runs.
#[derive(Default)]
pub(crate) struct State {
    started: AtomicU64,
    in_flight: AtomicU64,
    finished: [AtomicU64; Outcome::ALL.len()],
    pub(crate) aborting: AtomicBool,
    pub(crate) grpc_routes: GrpcRoutes,
    slow: SlowBudget,
    second_layer: OnceLock<()>,
    calls: OnceLock<CallSeries>,
    pub(crate) watch: Watch,
    pub(crate) collectors: Mutex<Vec<Collector>>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(crate) fn spans(&self) -> &Spans {
        &self.spans
    }

    /// The metrics of outgoing calls, unless metrics are off.
    pub(crate) fn calls(&self) -> Option<&CallSeries> {
        self.rows.series()?;
        let calls = &self.state.calls;
        Some(calls.get_or_init(|| CallSeries::new(self.recorder.clone())))
    }

    /// Runs what may be a host's code: a panic in it harms no request.
    pub(crate) fn guarded(&self, act: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(act)).is_err() {
            let problem = "a subscriber, span processor or Sentry hook of the host panicked";
            self.warn_quietly(Warning::new("signals", problem));
        }
    }

    /// Counts a request whose call began; returns how many are in flight.
    pub(crate) fn begin(&self, method: &'static str, route: &'static str) -> u64 {
        self.state.started.fetch_add(1, Ordering::Relaxed);
        if let Some(series) = self.rows.series() {
            series.begin(method, route);
        }
        self.state.in_flight.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn note_second_layer(&self) {
        self.state.second_layer.get_or_init(|| {
            let problem =
                "two Plimsoll layers stand around one service; the inner one does nothing";
            self.warn(Warning::new("layer", problem));
        });
    }

    /// Without an event: what makes events may be what failed.
    fn warn_quietly(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    pub(crate) fn warn(&self, warning: Warning) {
        tracing::warn!(target: "plimsoll::config", setting = %warning.setting, "{}", warning.problem);
        self.warn_quietly(warning);
    }

    fn access_line(&self, row: &Row, record: &mut Record) {
        let level = access::level(record);
        if !self.levels.wants_access(level) || !self.style.sample.takes(record) {
            return;
        }
        if self.logs.is_none() && !self.join_logs {
            return;
        }
        let whole = row.causes.thin(record);
        if let Some(logs) = &self.logs {
            logs.line(|out| access::write(out, &self.style, row.line.as_ref(), record));
        } else {
            crate::logs::join::event(&self.style, record);
        }
        if whole.is_some() {
            record.cause = whole;
        }
    }

    /// Writes or forgets the quiet events of a request.
    fn flight(&self, record: &mut Record) {
        if let (Some(flight), Some(sink)) = (&self.flight, &self.logs) {
            let to = To {
                sink,
                style: &self.style,
                switches: &self.levels.switches,
            };
            flight.end(record, &to);
        }
    }

    /// Slow by the pace of its route, and within what may be kept for that.
    /// The time to the head counts: a slow reader is not a slow service.
    fn is_slow(&self, row: &Row, record: &Record) -> bool {
        let now = record.ended;
        row.pace.observe(now, record.time_to_head())
            && row.pace.may_keep(now)
            && self.state.slow.may_keep(now)
    }

    /// The trace of a finished request, if somebody can look it up.
    fn mark(&self, record: &Record) -> Option<Mark> {
        record
            .kept
            .then(|| Mark::new(&record.ids, self.clock.wall(record.ended)))
    }

    pub(crate) fn requests(&self) -> Requests {
        Requests {
            started: self.state.started.load(Ordering::Relaxed),
            in_flight: self.state.in_flight.load(Ordering::Relaxed),
            by_outcome: Outcome::ALL.map(|outcome| {
                let count = self.state.finished[outcome as usize].load(Ordering::Relaxed);
                (outcome, count)
            }),
        }
    }

    pub(crate) fn balances(&self) -> Vec<(&'static str, Balance)> {
        let mut balances = Vec::new();
        if let Some(logs) = &self.logs {
            balances.push(("logs", logs.balance()));
        }
        if let Some(processor) = self.spans.processor() {
            balances.push(("traces", processor.balance()));
        }
        balances.extend(
            self.sentry
                .account()
                .map(|(balance, _)| ("sentry", balance)),
        );
        balances.extend(self.otlp.balances());
        balances
    }

    pub(crate) fn outlets(&self) -> Vec<Outlet> {
        let mut outlets = Vec::new();
        outlets.extend(self.logs.as_ref().map(LogSink::outlet));
        outlets.extend(self.spans.processor().map(BoundedProcessor::outlet));
        outlets.extend(self.sentry.account().map(|(_, outlet)| outlet));
        outlets.extend(self.otlp.outlets());
        outlets
    }
}

impl Sink for Instance {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn aborting(&self) -> bool {
        self.state.aborting.load(Ordering::Relaxed)
    }

    fn finish(&self, mut record: Box<Record>) {
        if let Some(series) = self.rows.series() {
            series.end(record.method, record.route);
        }
        self.state.grpc_routes.name(&mut record);
        // The counts first: whatever a host's part below does, a request that
        // ended is counted as ended.
        let outcome = record.outcome.unwrap_or(Outcome::Fault);
        self.state.finished[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.state.in_flight.fetch_sub(1, Ordering::Relaxed);
        let row = self.rows.of(&record);
        scrub(&mut record);
        record.keep = Keep::of(&record, self.is_slow(&row, &record));
        let slot = self.spans.reserve(&record);
        record.kept = slot.is_some() || self.spans.hands_on(&record);
        if let Some(series) = &row.series {
            RequestSeries::finish(series, &record, self.mark(&record));
        }
        self.guarded(|| {
            self.flight(&mut record);
            self.access_line(&row, &mut record);
            self.sentry.report(&self.clock, &record);
            self.spans.end(&record);
        });
        match slot {
            Some(slot) => slot.fill(record),
            None => pool::give_back(record),
        }
    }
}

/// Bounds the one text that others wrote and takes secrets out of it, before
/// any signal has it.
fn scrub(record: &mut Record) {
    let Some(cause) = &record.cause else { return };
    let bounded = &cause[..cause.floor_char_boundary(access::CAUSE_MAX)];
    let clean = redact::scrub(bounded);
    if bounded.len() < cause.len() || matches!(clean, Cow::Owned(_)) {
        record.cause = Some(clean.into());
    }
}
