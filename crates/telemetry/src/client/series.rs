//! The metrics of outgoing calls: bounded, and found without a lock.

use metrics::{Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use plimsoll_core::names::{self, label, value};

use super::error::ErrorType;
use super::slots::Slots;
use crate::metrics::MetricsRecorder;

/// Servers that are told apart.
const SERVERS: usize = 50;

/// Combinations of labels that are told apart, in each of the two histograms.
const COMBINATIONS: usize = 100;

const METADATA: Metadata<'static> = Metadata::new("plimsoll", Level::INFO, None);

/// Where a server stands in the list; the one beyond stands for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(usize);

/// Every series of outgoing calls.
pub(crate) struct CallSeries {
    recorder: MetricsRecorder,
    servers: Slots<Server>,
    beyond: Server,
    http: Slots<Http>,
    rpc: Slots<Rpc>,
}

struct Server {
    address: Box<str>,
    port: u16,
    active: Gauge,
}

/// Of a finished HTTP call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HttpLabels {
    pub(super) place: Place,
    pub(super) method: &'static str,
    pub(super) status: u16,
    pub(super) error: ErrorType,
}

struct Http {
    labels: HttpLabels,
    duration: Histogram,
}

/// Of a finished gRPC call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RpcLabels<'a> {
    pub(super) place: Place,
    pub(super) service: &'a str,
    pub(super) method: &'a str,
    pub(super) status: u16,
    pub(super) error: ErrorType,
}

struct Rpc {
    place: Place,
    service: Box<str>,
    method: Box<str>,
    status: u16,
    error: ErrorType,
    duration: Histogram,
}

impl Rpc {
    fn is(&self, wanted: &RpcLabels<'_>) -> bool {
        let own = RpcLabels {
            place: self.place,
            service: &self.service,
            method: &self.method,
            status: self.status,
            error: self.error,
        };
        own == *wanted
    }
}

impl CallSeries {
    pub(crate) fn new(recorder: MetricsRecorder) -> Self {
        describe(&recorder);
        Self {
            servers: Slots::new(SERVERS),
            beyond: server(&recorder, value::OVERFLOW, 0),
            http: Slots::new(COMBINATIONS),
            rpc: Slots::new(COMBINATIONS),
            recorder,
        }
    }

    /// Counts a call that begins.
    pub(super) fn begin(&self, address: &str, port: u16) -> Place {
        let is = |it: &Server| it.port == port && it.address.eq_ignore_ascii_case(address);
        let make = || server(&self.recorder, address, port);
        let found = self.servers.find(is, make);
        let (place, server) = found.unwrap_or((SERVERS, &self.beyond));
        server.active.increment(1.0);
        Place(place)
    }

    /// Counts an HTTP call that ended after `seconds`.
    pub(super) fn http(&self, wanted: HttpLabels, seconds: f64) {
        let make = |labels: HttpLabels| Http {
            labels,
            duration: self.http_duration(&labels),
        };
        let found = self.http.find(|it| it.labels == wanted, || make(wanted));
        match found {
            Some((_, series)) => series.duration.record(seconds),
            None => make(HttpLabels {
                place: Place(SERVERS),
                method: value::OVERFLOW,
                status: 0,
                error: ErrorType::None,
            })
            .duration
            .record(seconds),
        }
        self.server(wanted.place).active.decrement(1.0);
    }

    /// Counts a gRPC call that ended after `seconds`.
    pub(super) fn rpc(&self, wanted: RpcLabels<'_>, seconds: f64) {
        let make = || Rpc {
            place: wanted.place,
            service: wanted.service.into(),
            method: wanted.method.into(),
            status: wanted.status,
            error: wanted.error,
            duration: self.rpc_duration(&wanted),
        };
        match self.rpc.find(|it| it.is(&wanted), make) {
            Some((_, series)) => series.duration.record(seconds),
            None => self
                .rpc_duration(&RpcLabels {
                    place: Place(SERVERS),
                    service: value::OVERFLOW,
                    method: value::OVERFLOW,
                    status: wanted.status,
                    error: ErrorType::None,
                })
                .record(seconds),
        }
        self.server(wanted.place).active.decrement(1.0);
    }

    fn server(&self, place: Place) -> &Server {
        self.servers.get(place.0).unwrap_or(&self.beyond)
    }

    fn http_duration(&self, of: &HttpLabels) -> Histogram {
        let mut labels = server_labels(self.server(of.place));
        labels.push(Label::from_static_parts(label::METHOD, of.method));
        labels.push(Label::new(label::STATUS, of.status.to_string()));
        match of.error {
            ErrorType::None => {}
            ErrorType::Status => labels.push(Label::new(label::ERROR_TYPE, of.status.to_string())),
            error => labels.push(Label::from_static_parts(label::ERROR_TYPE, error.as_str())),
        }
        self.histogram(names::CLIENT_REQUEST_DURATION, labels)
    }

    fn rpc_duration(&self, of: &RpcLabels<'_>) -> Histogram {
        let mut labels = server_labels(self.server(of.place));
        labels.push(Label::from_static_parts(label::RPC_SYSTEM, "grpc"));
        labels.push(Label::new(label::RPC_SERVICE, of.service.to_owned()));
        labels.push(Label::new(label::RPC_METHOD, of.method.to_owned()));
        labels.push(Label::new(label::RPC_STATUS, of.status.to_string()));
        let error = of.error.as_str();
        if !error.is_empty() {
            labels.push(Label::from_static_parts(label::ERROR_TYPE, error));
        }
        self.histogram(names::RPC_CLIENT_DURATION, labels)
    }

    fn histogram(&self, name: &'static str, labels: Vec<Label>) -> Histogram {
        let key = Key::from_parts(name, labels);
        self.recorder.register_histogram(&key, &METADATA)
    }
}

fn server(recorder: &MetricsRecorder, address: &str, port: u16) -> Server {
    let mut server = Server {
        address: address.to_ascii_lowercase().into(),
        port,
        active: Gauge::noop(),
    };
    let key = Key::from_parts(names::CLIENT_ACTIVE_REQUESTS, server_labels(&server));
    server.active = recorder.register_gauge(&key, &METADATA);
    server
}

fn server_labels(server: &Server) -> Vec<Label> {
    vec![
        Label::new(label::SERVER_ADDRESS, server.address.to_string()),
        Label::new(label::SERVER_PORT, server.port.to_string()),
    ]
}

fn describe(recorder: &MetricsRecorder) {
    let name = KeyName::from_const_str;
    recorder.describe_gauge(
        name(names::CLIENT_ACTIVE_REQUESTS),
        None,
        "Outgoing calls that are under way.".into(),
    );
    recorder.describe_histogram(
        name(names::CLIENT_REQUEST_DURATION),
        None,
        "Seconds from an outgoing call to its response head or failure.".into(),
    );
    recorder.describe_histogram(
        name(names::RPC_CLIENT_DURATION),
        None,
        "Seconds from an outgoing gRPC call to its status.".into(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Exposition, Page};

    #[test]
    fn servers_and_combinations_beyond_the_bounds_fold_and_nothing_is_lost() {
        let recorder = MetricsRecorder::default();
        let series = CallSeries::new(recorder.clone());
        for number in 0..200_u16 {
            let place = series.begin(&format!("host-{number}"), 80);
            let labels = HttpLabels {
                place,
                method: "GET",
                status: 200 + number % 3,
                error: ErrorType::None,
            };
            series.http(labels, 0.1);
        }
        let mut page = Page::new(Exposition::Text);
        recorder.registry().render(&mut page);
        recorder.render_theirs(&mut page);
        let text = page.finish();
        let counts = text
            .lines()
            .filter(|line| line.starts_with("http_client_request_duration_seconds_count"));
        let counts: Vec<_> = counts.collect();
        let number = |line: &&str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        assert_eq!(counts.iter().map(number).sum::<u64>(), 200, "{text}");
        assert!(counts.len() <= COMBINATIONS + 1, "{}", counts.len());
        let active = text
            .lines()
            .filter(|line| line.starts_with(names::CLIENT_ACTIVE_REQUESTS));
        assert_eq!(active.count(), SERVERS + 1);
        assert!(
            !text.lines().any(
                |line| line.starts_with(names::CLIENT_ACTIVE_REQUESTS) && !line.ends_with(" 0")
            )
        );
    }
}
