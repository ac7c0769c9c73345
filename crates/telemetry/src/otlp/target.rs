//! Where a signal is sent, as `OTEL_*` says.

use std::time::Duration;

use plimsoll_core::otel::{self, Otel, public};

use crate::config::Warning;
use crate::traces::Headers;

/// A signal beside the spans.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    /// In the names of variables.
    name: &'static str,
    /// Path below the general endpoint.
    path: &'static str,
    exporter: &'static str,
    feature: &'static str,
    built: bool,
}

pub(super) const LOGS: Signal = Signal {
    name: "LOGS",
    path: "v1/logs",
    exporter: "OTEL_LOGS_EXPORTER",
    feature: "otlp-logs",
    built: cfg!(feature = "otlp-logs"),
};

pub(super) const METRICS: Signal = Signal {
    name: "METRICS",
    path: "v1/metrics",
    exporter: "OTEL_METRICS_EXPORTER",
    feature: "otlp-metrics",
    built: cfg!(feature = "otlp-metrics"),
};

/// Where and how one signal travels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) endpoint: String,
    pub(super) headers: Headers,
    /// Time limit of one export, repetition included.
    pub(super) timeout: Duration,
    pub(super) gzip: bool,
}

impl Target {
    /// `None` unless the signal's exporter is `otlp` and can be built; why not is
    /// a warning.
    pub(super) fn of(signal: Signal, otel: &Otel, warnings: &mut Vec<Warning>) -> Option<Self> {
        if otel.is_true("OTEL_SDK_DISABLED") || otel.get(signal.exporter) != Some("otlp") {
            return None;
        }
        let found = Self::read(signal, otel);
        found
            .map_err(|problem| warnings.push(Warning::new(signal.exporter, problem)))
            .ok()
    }

    fn read(signal: Signal, otel: &Otel) -> Result<Self, String> {
        let set = |what: &str| otel.exporter(signal.name, what);
        let name = signal.name;
        if !signal.built {
            let feature = signal.feature;
            return Err(format!(
                "otlp needs the feature `{feature}`, which this build does not have; nothing is exported"
            ));
        }
        let endpoint = match set("ENDPOINT") {
            None => {
                return Err(format!(
                    "otlp has no address; set OTEL_EXPORTER_OTLP_{name}_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT"
                ));
            }
            Some(("OTEL_EXPORTER_OTLP_ENDPOINT", base)) => {
                format!("{}/{}", base.trim_end_matches('/'), signal.path)
            }
            Some((_, address)) => address.to_owned(),
        };
        if set("PROTOCOL").is_some_and(|(_, protocol)| protocol == "grpc") {
            return Err(format!(
                "is sent by http/protobuf alone; set OTEL_EXPORTER_OTLP_{name}_PROTOCOL=http/protobuf and OTEL_EXPORTER_OTLP_{name}_ENDPOINT to the collector's HTTP port; nothing is exported"
            ));
        }
        match endpoint.split_once("://") {
            Some(("http", _)) => {}
            Some(("https", _)) if cfg!(feature = "https") => {}
            _ => {
                let endpoint = public(&endpoint);
                return Err(format!(
                    "{endpoint:?} is no address that this build can send to; write http://, or build with the feature `https`; nothing is exported"
                ));
            }
        }
        let timeout = set("TIMEOUT").and_then(|(_, text)| text.parse().ok());
        let headers = set("HEADERS").and_then(|(_, list)| otel::headers(list).ok());
        Ok(Self {
            endpoint,
            headers: Headers(headers.unwrap_or_default()),
            timeout: Duration::from_millis(timeout.unwrap_or(10_000)),
            gzip: set("COMPRESSION").is_some_and(|(_, it)| it == "gzip"),
        })
    }

    /// The shorter limit holds.
    #[cfg_attr(
        not(any(feature = "otlp-logs", feature = "otlp-metrics")),
        expect(dead_code, reason = "nothing is sent without the features")
    )]
    pub(super) fn at_most(mut self, limit: Option<u64>) -> Self {
        let limit = limit.map(Duration::from_millis);
        self.timeout = limit.map_or(self.timeout, |limit| limit.min(self.timeout));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Signal = Signal {
        built: true,
        ..LOGS
    };

    fn read(pairs: &[(&str, &str)]) -> (Option<Target>, Vec<Warning>) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let (otel, faults) = Otel::read(pairs.iter().map(owned));
        assert!(faults.is_empty(), "{faults:?}");
        let mut warnings = Vec::new();
        (Target::of(ANY, &otel, &mut warnings), warnings)
    }

    #[test]
    fn nothing_is_exported_unless_asked_and_what_is_missing_is_said() {
        let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
        assert_eq!(read(&[general]), (None, vec![]));
        let asked = ("OTEL_LOGS_EXPORTER", "otlp");
        let (none, warnings) = read(&[asked]);
        assert!(none.is_none() && warnings[0].problem.contains("no address"));
        let (target, warnings) = read(&[asked, general]);
        assert!(warnings.is_empty());
        assert_eq!(target.unwrap().endpoint, "http://127.0.0.1:4318/v1/logs");
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let (none, warnings) = read(&[asked, general, grpc]);
        assert!(none.is_none() && warnings[0].problem.contains("LOGS_PROTOCOL"));
        assert_eq!(
            read(&[asked, general, ("OTEL_SDK_DISABLED", "true")]).0,
            None
        );
    }

    #[test]
    fn what_is_said_of_the_signal_stands_above_the_general() {
        let (target, _) = read(&[
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://own/path"),
            ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "api-key=a%20b"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "300"),
        ]);
        let target = target.unwrap();
        assert_eq!(target.endpoint, "http://own/path");
        assert_eq!((target.timeout.as_millis(), target.gzip), (300, true));
        assert_eq!(target.headers.0[0].1, "a b");
        assert_eq!(target.at_most(Some(200)).timeout.as_millis(), 200);
    }
}
