//! The request metrics: handles resolved once per combination of labels and
//! kept, so that a request only adds to atomics.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use metrics::Gauge;
use plimsoll_core::names::{self, BYTES_BUCKETS, label, value};
use plimsoll_core::record::Record;
use plimsoll_core::{Blame, Outcome, Slo};

use super::alias::{Aliased, AxumPrometheus};
use super::cell::{Cell, Count, Kind};
use super::exemplar::Mark;
use super::histogram::{Buckets, Durations};
use super::host::{self, OfHost};
use super::labels::{Labels, Text};
use super::recorder::MetricsRecorder;
use super::registry::{Shape, Whose};
use crate::rows::Combination;

/// What a method's label may say: the semantic conventions' nine and `_OTHER`.
const METHODS: [&str; 10] = [
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    value::OTHER,
];

fn index(method: &'static str) -> usize {
    let found = METHODS.iter().position(|known| *known == method);
    found.unwrap_or(METHODS.len() - 1)
}

/// The gRPC status of a method that does not exist.
const UNIMPLEMENTED: u16 = 12;

/// Which families there are beside the ordinary ones.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extras {
    /// Sizes of requests and responses.
    pub(crate) sizes: bool,
    /// The names of `axum-prometheus`.
    pub(crate) alias: bool,
    /// The host's recorder is told too.
    pub(crate) to_host: bool,
}

/// The handles of one combination.
pub(crate) struct Series {
    requests: Arc<Count>,
    duration: Arc<Durations>,
    time_to_head: Option<Arc<Durations>>,
    rpc: Option<Arc<Durations>>,
    sizes: Option<Box<[Arc<Buckets>; 2]>>,
    alias: Option<Box<Aliased>>,
    host: Option<Box<OfHost>>,
}

/// Every series of requests.
pub(crate) struct RequestSeries {
    recorder: MetricsRecorder,
    extras: Extras,
    alias: Option<AxumPrometheus>,
    /// The host's gauges, in the order of [`METHODS`]; empty unless it is told.
    active_of_host: Vec<Gauge>,
    active: [Arc<AtomicI64>; METHODS.len()],
    started: Arc<Count>,
}

impl RequestSeries {
    pub(crate) fn new(recorder: MetricsRecorder, extras: Extras) -> Self {
        let sizes = if extras.sizes { &SIZES[..] } else { &[] };
        for (name, kind, help) in FAMILIES.iter().chain(sizes) {
            recorder.registry().reserve(name, *kind, help);
        }
        let level = |labels| level(&recorder, names::ACTIVE_REQUESTS, labels);
        let active = METHODS.map(|method| level(vec![(label::METHOD.into(), method.into())]));
        Self {
            active,
            started: counter(&recorder, names::REQUESTS_STARTED, vec![]),
            extras,
            active_of_host: if extras.to_host {
                METHODS.map(host::active).into()
            } else {
                Vec::new()
            },
            alias: extras.alias.then(|| AxumPrometheus::new(recorder.clone())),
            recorder,
        }
    }

    /// Counts a request whose call began.
    pub(crate) fn begin(&self, method: &'static str, route: &'static str) {
        self.started.raise(None);
        if let Some(alias) = &self.alias {
            alias.move_pending(method, route, 1);
        }
        let index = index(method);
        self.active[index].fetch_add(1, Ordering::Relaxed);
        if let Some(active) = self.active_of_host.get(index) {
            active.increment(1.0);
        }
    }

    /// Counts a request as no longer under way, by what it began with.
    pub(crate) fn end(&self, method: &'static str, route: &'static str) {
        let index = index(method);
        self.active[index].fetch_sub(1, Ordering::Relaxed);
        if let Some(active) = self.active_of_host.get(index) {
            active.decrement(1.0);
        }
        if let Some(alias) = &self.alias {
            alias.move_pending(method, route, -1);
        }
    }

    /// Counts a finished request; `mark` is its trace, if that is kept.
    pub(crate) fn finish(series: &Series, record: &Record, mark: Option<Mark>) {
        let duration = record.duration();
        series.requests.raise(mark);
        series.duration.observe(duration, mark);
        if let Some(time_to_head) = &series.time_to_head {
            time_to_head.observe(record.time_to_head(), mark);
        }
        if let Some(rpc) = &series.rpc {
            rpc.observe(duration, mark);
        }
        if let Some(sizes) = &series.sizes {
            sizes[0].observe(record.bytes_in as f64, mark);
            sizes[1].observe(record.bytes_out as f64, mark);
        }
        if let Some(alias) = &series.alias {
            alias.finish(record);
        }
        if let Some(host) = &series.host {
            host.finish(record);
        }
    }

    /// Registers the good and the bad series of a route at 0, so that a first
    /// fault is a rise and not a birth, and an idle route is known to be idle.
    pub(crate) fn expect(&self, method: &'static str, route: &'static str) {
        let success = (Outcome::Success, None, Slo::Good);
        let fault = (Outcome::Fault, Some(Blame::Server), Slo::Bad);
        for (outcome, blame, slo) in [success, fault] {
            let series = Combination {
                method,
                route,
                status: 0,
                outcome,
                code: "",
                blame,
                slo,
                grpc: None,
            };
            self.requests(&series);
            self.durations(names::TIME_TO_HEAD, route_labels(&series));
        }
    }

    /// Whether a new combination fits into the budget, unless the caller is full
    /// already; counted if not.
    pub(crate) fn has_room(&self, full: bool) -> bool {
        let histograms = 3 + 2 * usize::from(self.extras.sizes) + usize::from(self.extras.alias);
        let lines = histograms * (names::SECONDS_BUCKETS.len() + 3) + 4;
        let registry = self.recorder.registry();
        let room = !full && registry.has_room(lines);
        if !room {
            registry.fold_requests();
        }
        room
    }

    /// The handles of a new combination.
    pub(crate) fn register(&self, wanted: &Combination) -> Series {
        self.expect(wanted.method, wanted.route);
        let mut labels = route_labels(wanted);
        labels.push((label::STATUS.into(), wanted.status.to_string().into()));
        let sizes = self.extras.sizes.then(|| {
            let of = |name| self.bytes(name, labels.clone());
            Box::new([names::REQUEST_BODY, names::RESPONSE_BODY].map(of))
        });
        if let Some(error) = error_type(wanted) {
            labels.push((label::ERROR_TYPE.into(), error));
        }
        let counts = wanted.slo != Slo::Excluded;
        let host = self.extras.to_host.then(|| {
            let head = counts.then(|| route_labels(wanted));
            Box::new(OfHost::new(request_labels(wanted), labels.clone(), head))
        });
        let time_to_head = self.durations(names::TIME_TO_HEAD, route_labels(wanted));
        Series {
            host,
            requests: self.requests(wanted),
            duration: self.durations(names::REQUEST_DURATION, labels),
            time_to_head: counts.then_some(time_to_head),
            rpc: wanted
                .grpc
                .map(|status| self.durations(names::RPC_DURATION, rpc_labels(wanted, status))),
            sizes,
            alias: self
                .alias
                .as_ref()
                .and_then(|alias| alias.register(wanted))
                .map(Box::new),
        }
    }

    fn requests(&self, wanted: &Combination) -> Arc<Count> {
        counter(&self.recorder, names::REQUESTS, request_labels(wanted))
    }

    fn durations(&self, name: &'static str, labels: Vec<(Text, Text)>) -> Arc<Durations> {
        let make = || Cell::Durations(Arc::default());
        match cell(&self.recorder, name, labels, make) {
            Some(Cell::Durations(durations)) => durations,
            // Counted by the registry as refused.
            _ => Arc::default(),
        }
    }

    fn bytes(&self, name: &'static str, labels: Vec<(Text, Text)>) -> Arc<Buckets> {
        let make = || Arc::new(Buckets::new(BYTES_BUCKETS.into(), true));
        match cell(&self.recorder, name, labels, || Cell::Buckets(make())) {
            Some(Cell::Buckets(buckets)) => buckets,
            _ => make(),
        }
    }
}

pub(super) fn cell(
    recorder: &MetricsRecorder,
    name: &'static str,
    labels: Vec<(Text, Text)>,
    make: impl FnOnce() -> Cell,
) -> Option<Cell> {
    let labels = Labels::new(labels);
    let (registry, cell) = (recorder.registry(), make());
    let shape = Shape::of(&cell);
    let found = registry.cell(Whose::Ours, &name.into(), &labels, shape, |_| cell);
    found.map(|found| found.cell)
}

pub(super) fn counter(
    recorder: &MetricsRecorder,
    name: &'static str,
    labels: Vec<(Text, Text)>,
) -> Arc<Count> {
    match cell(recorder, name, labels, || Cell::Count(Arc::default())) {
        Some(Cell::Count(count)) => count,
        _ => Arc::default(),
    }
}

pub(super) fn level(
    recorder: &MetricsRecorder,
    name: &'static str,
    labels: Vec<(Text, Text)>,
) -> Arc<AtomicI64> {
    match cell(recorder, name, labels, || Cell::Level(Arc::default())) {
        Some(Cell::Level(level)) => level,
        _ => Arc::default(),
    }
}

fn request_labels(wanted: &Combination) -> Vec<(Text, Text)> {
    let blame = wanted.blame.map_or("", Blame::as_str);
    let mut labels = route_labels(wanted);
    labels.extend([
        (label::OUTCOME.into(), wanted.outcome.as_str().into()),
        (label::ERROR_CODE.into(), wanted.code.into()),
        (label::BLAME.into(), blame.into()),
        (label::SLO.into(), wanted.slo.as_str().into()),
    ]);
    labels
}

fn route_labels(wanted: &Combination) -> Vec<(Text, Text)> {
    vec![
        (label::METHOD.into(), wanted.method.into()),
        (label::ROUTE.into(), wanted.route.into()),
    ]
}

/// RPC semantic conventions: service and method of the path, `_OTHER` where the
/// path is none that is known to exist.
fn rpc_labels(wanted: &Combination, status: u16) -> Vec<(Text, Text)> {
    let path = wanted.route.strip_prefix('/').unwrap_or("");
    let (service, method) = path.split_once('/').unwrap_or((value::OTHER, value::OTHER));
    // Of a template the service is known, the method is not; of a method that
    // is not implemented nothing else is.
    let unknown = method.contains('{') || status == UNIMPLEMENTED;
    let method = if unknown { value::OTHER } else { method };
    vec![
        (label::RPC_SYSTEM.into(), "grpc".into()),
        (label::RPC_SERVICE.into(), service.into()),
        (label::RPC_METHOD.into(), method.into()),
        (label::RPC_STATUS.into(), status.to_string().into()),
    ]
}

/// `error.type` of the semantic conventions: absent unless the server failed;
/// the code where there is one, else the status for 5xx, else the outcome.
fn error_type(wanted: &Combination) -> Option<Text> {
    if wanted.slo != Slo::Bad {
        return None;
    }
    Some(match (wanted.code, wanted.outcome) {
        ("", Outcome::Fault) if wanted.status >= 500 => wanted.status.to_string().into(),
        ("", outcome) => outcome.as_str().into(),
        (code, _) => code.into(),
    })
}

const FAMILIES: [(&str, Kind, &str); 6] = [
    (
        names::REQUESTS,
        Kind::Counter,
        "Finished requests by outcome, code, blame and how an SLO counts them.",
    ),
    (
        names::REQUESTS_STARTED,
        Kind::Counter,
        "Requests whose call began.",
    ),
    (
        names::ACTIVE_REQUESTS,
        Kind::Gauge,
        "Requests between call and end of body.",
    ),
    (
        names::REQUEST_DURATION,
        Kind::Histogram,
        "Seconds from call to the end of the response body.",
    ),
    (
        names::TIME_TO_HEAD,
        Kind::Histogram,
        "Seconds from call to the response head, of requests that an SLO counts.",
    ),
    (
        names::RPC_DURATION,
        Kind::Histogram,
        "Seconds from call to the trailers, of gRPC calls.",
    ),
];

const SIZES: [(&str, Kind, &str); 2] = [
    (
        names::REQUEST_BODY,
        Kind::Histogram,
        "Declared bytes of request bodies.",
    ),
    (
        names::RESPONSE_BODY,
        Kind::Histogram,
        "Bytes of response bodies handed on.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Exposition, Page};
    use crate::rows::Rows;
    use plimsoll_core::record::fresh_ids;

    fn finish(rows: &Rows, record: &Record) {
        rows.series().unwrap().end(record.method, record.route);
        let row = rows.of(record);
        let series = row.series.as_ref().unwrap();
        RequestSeries::finish(series, record, None);
    }

    fn text(recorder: &MetricsRecorder) -> String {
        let mut page = Page::new(Exposition::Text);
        recorder.registry().render(&mut page);
        page.finish()
    }

    fn finished(route: &'static str, status: u16, outcome: Outcome, slo: Slo) -> Record {
        let mut record = Record::new(fresh_ids(false), 0);
        record.method = "GET";
        record.route = route;
        record.status = status;
        record.outcome = Some(outcome);
        record.slo = Some(slo);
        record.head = Some(60_000_000);
        record.ended = 80_000_000;
        record
    }

    #[test]
    fn a_first_request_bears_the_good_and_the_bad_series_of_its_route() {
        let recorder = MetricsRecorder::default();
        let series = RequestSeries::new(recorder.clone(), Extras::default());
        series.begin("GET", "/cards");
        let rows = Rows::new(Some(series));
        finish(&rows, &finished("/cards", 200, Outcome::Success, Slo::Good));
        let text = text(&recorder);
        let of = |slo: &str| {
            let mut lines = text.lines();
            let line = lines.find(|line| line.starts_with(names::REQUESTS) && line.contains(slo));
            line.and_then(|line| line.rsplit(' ').next())
                .map(str::to_owned)
        };
        assert_eq!(of("slo=\"good\"").as_deref(), Some("1"), "{text}");
        assert_eq!(of("slo=\"bad\"").as_deref(), Some("0"), "{text}");
        let head = "plimsoll_time_to_head_seconds_bucket{http_request_method=\"GET\",http_route=\"/cards\",le=\"0.075\"} 1";
        assert!(text.contains(head), "{text}");
        assert!(
            text.contains("http_server_active_requests{http_request_method=\"GET\"} 0"),
            "{text}"
        );
    }

    #[test]
    fn what_an_slo_excludes_is_in_no_latency_objective() {
        let recorder = MetricsRecorder::default();
        let series = RequestSeries::new(recorder.clone(), Extras::default());
        let rows = Rows::new(Some(series));
        let missing = finished("/cards", 404, Outcome::ClientError, Slo::Excluded);
        finish(&rows, &missing);
        let count = "plimsoll_time_to_head_seconds_count{http_request_method=\"GET\",http_route=\"/cards\"} 0";
        assert!(text(&recorder).contains(count));
    }

    #[test]
    fn over_the_budget_routes_fold_into_one() {
        let recorder = MetricsRecorder::default();
        let series = RequestSeries::new(recorder.clone(), Extras::default());
        let rows = Rows::new(Some(series));
        for status in 0..2_000 {
            finish(&rows, &finished("/x", status, Outcome::Success, Slo::Good));
        }
        let text = text(&recorder);
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines < 10_000, "{lines}");
        assert!(text.contains("http_route=\"overflow\""));
    }
}
