//! The request metrics: handles resolved once per series and kept.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use plimsoll_core::names::{self, label, value};
use plimsoll_core::record::Record;
use plimsoll_core::{Blame, Outcome, Slo};

use super::recorder::MetricsRecorder;
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

const METADATA: Metadata<'static> = Metadata::new("plimsoll", Level::INFO, None);

/// The handles of one combination.
pub(crate) struct Series {
    requests: Counter,
    duration: Histogram,
    time_to_head: Option<Histogram>,
}

/// Every series of requests, through one recorder.
pub(crate) struct RequestSeries {
    recorder: MetricsRecorder,
    active: [(&'static str, Gauge); METHODS.len()],
    started: Counter,
}

impl RequestSeries {
    pub(crate) fn new(recorder: MetricsRecorder) -> Self {
        describe(&recorder);
        let active = METHODS.map(|method| {
            let labels = vec![Label::from_static_parts(label::METHOD, method)];
            let key = Key::from_parts(names::ACTIVE_REQUESTS, labels);
            (method, recorder.register_gauge(&key, &METADATA))
        });
        let started = Key::from_name(names::REQUESTS_STARTED);
        Self {
            active,
            started: recorder.register_counter(&started, &METADATA),
            recorder,
        }
    }

    /// Counts a request whose call began.
    pub(crate) fn begin(&self, method: &'static str) {
        self.started.increment(1);
        if let Some(active) = self.active(method) {
            active.increment(1.0);
        }
    }

    fn active(&self, method: &'static str) -> Option<&Gauge> {
        let found = self.active.iter().find(|(known, _)| *known == method);
        found.map(|(_, active)| active)
    }

    /// Counts a finished request.
    pub(crate) fn finish(&self, series: &Series, record: &Record) {
        series.requests.increment(1);
        series.duration.record(seconds(record.duration()));
        if let Some(time_to_head) = &series.time_to_head {
            time_to_head.record(seconds(record.time_to_head()));
        }
        if let Some(active) = self.active(record.method) {
            active.decrement(1.0);
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
            };
            self.requests(&series).increment(0);
            let _ = self.histogram(names::TIME_TO_HEAD, route_labels(&series));
        }
    }

    /// The handles of a new combination.
    pub(crate) fn register(&self, wanted: &Combination) -> Series {
        self.expect(wanted.method, wanted.route);
        let status = match wanted.status {
            0 => "0".into(),
            status => status.to_string(),
        };
        let mut labels = route_labels(wanted);
        labels.push(Label::new(label::STATUS, status));
        if let Some(error) = error_type(wanted) {
            labels.push(Label::new(label::ERROR_TYPE, error));
        }
        let time_to_head = self.histogram(names::TIME_TO_HEAD, route_labels(wanted));
        Series {
            requests: self.requests(wanted),
            duration: self.histogram(names::REQUEST_DURATION, labels),
            time_to_head: (wanted.slo != Slo::Excluded).then_some(time_to_head),
        }
    }

    fn requests(&self, wanted: &Combination) -> Counter {
        let mut labels = route_labels(wanted);
        labels.extend([
            Label::from_static_parts(label::OUTCOME, wanted.outcome.as_str()),
            Label::from_static_parts(label::ERROR_CODE, wanted.code),
            Label::from_static_parts(label::BLAME, wanted.blame.map_or("", Blame::as_str)),
            Label::from_static_parts(label::SLO, wanted.slo.as_str()),
        ]);
        let key = Key::from_parts(names::REQUESTS, labels);
        self.recorder.register_counter(&key, &METADATA)
    }

    fn histogram(&self, name: &'static str, labels: Vec<Label>) -> Histogram {
        let key = Key::from_parts(name, labels);
        self.recorder.register_histogram(&key, &METADATA)
    }
}

fn route_labels(wanted: &Combination) -> Vec<Label> {
    vec![
        Label::from_static_parts(label::METHOD, wanted.method),
        Label::from_static_parts(label::ROUTE, wanted.route),
    ]
}

/// `error.type` of the semantic conventions: absent unless the server failed;
/// the code where there is one, else the status for 5xx, else the outcome.
fn error_type(wanted: &Combination) -> Option<String> {
    if wanted.slo != Slo::Bad {
        return None;
    }
    Some(match (wanted.code, wanted.outcome) {
        ("", Outcome::Fault) if wanted.status >= 500 => wanted.status.to_string(),
        ("", outcome) => outcome.as_str().into(),
        (code, _) => code.into(),
    })
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn describe(recorder: &MetricsRecorder) {
    let counter = |name: &'static str, help: &'static str| {
        recorder.describe_counter(KeyName::from_const_str(name), None, help.into());
    };
    counter(
        names::REQUESTS,
        "Finished requests by outcome, code, blame and how an SLO counts them.",
    );
    counter(names::REQUESTS_STARTED, "Requests whose call began.");
    let gauge = KeyName::from_const_str(names::ACTIVE_REQUESTS);
    recorder.describe_gauge(gauge, None, "Requests between call and end of body.".into());
    let histogram = |name: &'static str, help: &'static str| {
        recorder.describe_histogram(KeyName::from_const_str(name), None, help.into());
    };
    histogram(
        names::REQUEST_DURATION,
        "Seconds from call to the end of the response body.",
    );
    histogram(
        names::TIME_TO_HEAD,
        "Seconds from call to the response head, of requests that an SLO counts.",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Rows;
    use plimsoll_core::record::fresh_ids;

    fn finish(rows: &Rows, record: &Record) {
        let row = rows.of(record);
        let series = row.series.as_ref().unwrap();
        rows.series().unwrap().finish(series, record);
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
        let series = RequestSeries::new(recorder.clone());
        series.begin("GET");
        let rows = Rows::new(Some(series));
        finish(&rows, &finished("/cards", 200, Outcome::Success, Slo::Good));
        let text = recorder.render().finish();
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
        let series = RequestSeries::new(recorder.clone());
        let rows = Rows::new(Some(series));
        let missing = finished("/cards", 404, Outcome::ClientError, Slo::Excluded);
        finish(&rows, &missing);
        let count = "plimsoll_time_to_head_seconds_count{http_request_method=\"GET\",http_route=\"/cards\"} 0";
        assert!(recorder.render().finish().contains(count));
    }

    #[test]
    fn over_the_budget_routes_fold_into_one() {
        let recorder = MetricsRecorder::default();
        let series = RequestSeries::new(recorder.clone());
        let rows = Rows::new(Some(series));
        for status in 0..2_000 {
            finish(&rows, &finished("/x", status, Outcome::Success, Slo::Good));
        }
        let text = recorder.render().finish();
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines < 10_000, "{lines}");
        assert!(text.contains("http_route=\"overflow\""));
    }
}
