//! The variables of the OpenTelemetry specification that are honoured.
//!
//! Reading never fails: an empty variable is unset, a bad value and a variable
//! that is not honoured are a [`Fault`] each, and the default holds.
//!
//! ```
//! use plimsoll_core::otel::Otel;
//!
//! let env = [
//!     ("OTEL_EXPORTER_OTLP_TIMEOUT".to_owned(), "soon".to_owned()),
//!     ("OTEL_TRACES_SAMPLER".to_owned(), "always_off".to_owned()),
//!     ("OTEL_CONFIG_FILE".to_owned(), "otel.yaml".to_owned()),
//! ];
//! let (otel, faults) = Otel::read(env);
//! assert_eq!(otel.get("OTEL_TRACES_SAMPLER"), Some("always_off"));
//! assert_eq!(faults.len(), 2);
//! ```

mod check;

use std::collections::BTreeMap;
use std::fmt;

use self::check::{
    Checked, any, boolean, compression, count, endpoint, export_of, exporter, header_list, millis,
    propagators, protocol, ratio, resource, sampler, some,
};
pub use self::check::{headers, members};
use crate::settings::Fault;

/// One variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value without it, as text.
    pub default: &'static str,
    /// What it does, for people.
    pub help: &'static str,
    /// Whether the value must not be shown.
    pub secret: bool,
    check: fn(&str) -> Checked,
}

const fn variable(
    name: &'static str,
    default: &'static str,
    help: &'static str,
    check: fn(&str) -> Checked,
) -> Variable {
    Variable {
        name,
        default,
        help,
        secret: false,
        check,
    }
}

const fn secret(name: &'static str, help: &'static str, check: fn(&str) -> Checked) -> Variable {
    Variable {
        secret: true,
        ..variable(name, "", help, check)
    }
}

/// Every honoured variable, in the order in which it is printed. `_TRACES_` of
/// an exporter's variable stands above the general one.
pub const ALL: [Variable; 49] = [
    variable(
        "OTEL_SDK_DISABLED",
        "false",
        "true: nothing is exported",
        boolean,
    ),
    variable(
        "OTEL_SERVICE_NAME",
        "",
        "name of the service; default: the name in its code",
        any,
    ),
    variable(
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "what is said of the service with every span: key=value, percent-encoded",
        resource,
    ),
    variable(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "always_on, always_off, traceidratio, each also with parentbased_ before it",
        sampler,
    ),
    variable(
        "OTEL_TRACES_SAMPLER_ARG",
        "1",
        "share of traces kept by traceidratio, 0 to 1",
        ratio,
    ),
    variable(
        "OTEL_PROPAGATORS",
        "tracecontext,baggage",
        "contexts taken from callers and given to others: tracecontext, baggage or none",
        propagators,
    ),
    variable("OTEL_TRACES_EXPORTER", "otlp", "otlp or none", exporter),
    variable(
        "OTEL_METRICS_EXPORTER",
        "prometheus",
        "otlp (with its feature), prometheus or none; the metrics page is served in any case",
        export_of,
    ),
    variable(
        "OTEL_LOGS_EXPORTER",
        "none",
        "otlp (with its feature) or none; lines are written in any case",
        export_of,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "address of the collector; nothing is exported without one",
        endpoint,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "",
        "full address for spans, path included",
        endpoint,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf",
        "http/protobuf, or grpc with the feature `otlp-grpc`",
        protocol,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "",
        "protocol for spans",
        protocol,
    ),
    secret(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "headers of every export: name=value, percent-encoded",
        header_list,
    ),
    secret(
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "headers of every export of spans",
        header_list,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "10000",
        "longest time of one export in milliseconds",
        millis,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "",
        "longest time of one export of spans in milliseconds",
        millis,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "none",
        "gzip or none",
        compression,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "",
        "compression of spans",
        compression,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_INSECURE",
        "false",
        "true: no TLS to a grpc endpoint that names no scheme",
        boolean,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
        "",
        "the same for spans",
        boolean,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "",
        "full address for log records, path included",
        endpoint,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
        "",
        "http/protobuf; log records have no other",
        protocol,
    ),
    secret(
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        "headers of every export of log records",
        header_list,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
        "",
        "longest time of one export of log records in milliseconds",
        millis,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
        "",
        "compression of log records",
        compression,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "",
        "full address for metrics, path included",
        endpoint,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
        "",
        "http/protobuf; metrics have no other",
        protocol,
    ),
    secret(
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        "headers of every export of metrics",
        header_list,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
        "",
        "longest time of one export of metrics in milliseconds",
        millis,
    ),
    variable(
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
        "",
        "compression of metrics",
        compression,
    ),
    variable(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "2048",
        "most spans that wait",
        some,
    ),
    variable(
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "most spans of one export",
        some,
    ),
    variable(
        "OTEL_BSP_SCHEDULE_DELAY",
        "5000",
        "longest wait for a full batch in milliseconds",
        millis,
    ),
    variable(
        "OTEL_BSP_EXPORT_TIMEOUT",
        "30000",
        "longest time of one export of spans in milliseconds; the shorter limit holds",
        millis,
    ),
    variable(
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "2048",
        "most log records that wait, with the feature `otlp-logs`",
        some,
    ),
    variable(
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "most log records of one export",
        some,
    ),
    variable(
        "OTEL_BLRP_SCHEDULE_DELAY",
        "1000",
        "longest wait for a full batch of log records in milliseconds",
        millis,
    ),
    variable(
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "30000",
        "longest time of one export of log records in milliseconds; the shorter limit holds",
        millis,
    ),
    variable(
        "OTEL_METRIC_EXPORT_INTERVAL",
        "60000",
        "time between two exports of metrics in milliseconds, with the feature `otlp-metrics`",
        millis,
    ),
    variable(
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "30000",
        "longest time of one export of metrics in milliseconds; the shorter limit holds",
        millis,
    ),
    variable(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "",
        "most characters of a text attribute; no limit by default",
        count,
    ),
    variable(
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "most attributes",
        count,
    ),
    variable(
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "",
        "most characters of a span's text attribute",
        count,
    ),
    variable(
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "most attributes of a span",
        count,
    ),
    variable(
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "128",
        "most events of a span",
        count,
    ),
    variable(
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        "128",
        "most links of a span",
        count,
    ),
    variable(
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "most attributes of a span's event",
        count,
    ),
    variable(
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "most attributes of a span's link",
        count,
    ),
];

const PREFIX: &str = "OTEL_";

/// What was set, each value already found good.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Otel(BTreeMap<&'static str, String>);

impl Otel {
    /// Reads the environment. Variables that do not begin with `OTEL_` are
    /// passed over.
    pub fn read(env: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<Fault>) {
        let mut otel = Self::default();
        let mut faults = Vec::new();
        let mut env: Vec<_> = env
            .into_iter()
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.trim().is_empty())
            .collect();
        env.sort();
        for (setting, value) in env {
            let Some(known) = ALL.iter().find(|known| known.name == setting) else {
                let problem = "is not honoured in this version".into();
                faults.push(Fault { setting, problem });
                continue;
            };
            let value = value.trim();
            let problem = match (known.check)(value) {
                Ok(problem) => {
                    otel.0.insert(known.name, value.to_owned());
                    problem
                }
                Err(problem) => Some(problem),
            };
            if let Some(problem) = problem {
                faults.push(Fault { setting, problem });
            }
        }
        (otel, faults)
    }

    /// The text set for a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The number set for a variable.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Whether a variable says `true`.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// What is set for an exporter of a signal (`TRACES`, `METRICS`, `LOGS`), by
    /// the variable of the signal, else by the general one; and which it was.
    pub fn exporter(&self, signal: &str, what: &str) -> Option<(&'static str, &str)> {
        let of_signal = format!("OTEL_EXPORTER_OTLP_{signal}_{what}");
        let general = format!("OTEL_EXPORTER_OTLP_{what}");
        let found = [of_signal, general]
            .into_iter()
            .find_map(|name| self.0.get_key_value(name.as_str()));
        found.map(|(name, value)| (*name, value.as_str()))
    }

    /// The text set for a variable as it may be shown: a secret is masked, and
    /// an address loses its user and password.
    pub fn shown(&self, variable: &Variable) -> Option<String> {
        let value = self.get(variable.name)?;
        Some(if variable.secret {
            "********".into()
        } else {
            public(value)
        })
    }
}

/// An address without the user and password that may stand in it.
pub fn public(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.into();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

impl fmt::Debug for Otel {
    /// Without the values of secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = ALL.iter().filter_map(|it| Some((it.name, self.shown(it)?)));
        f.debug_map().entries(set).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pairs: &[(&str, &str)]) -> (Otel, Vec<Fault>) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Otel::read(pairs.iter().map(owned))
    }

    #[test]
    fn every_default_is_a_value_that_its_own_check_takes() {
        for it in ALL.iter().filter(|it| !it.default.is_empty()) {
            assert_eq!((it.check)(it.default), Ok(None), "{}", it.name);
        }
        let mut names: Vec<_> = ALL.iter().map(|it| it.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn a_signals_variable_stands_above_the_general_one_and_empty_is_unset() {
        let (otel, faults) = read(&[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "7"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", " 8 "),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", " "),
        ]);
        assert!(faults.is_empty(), "{faults:?}");
        let of = |what| otel.exporter("TRACES", what).map(|(_, value)| value);
        assert_eq!(
            (of("TIMEOUT"), of("COMPRESSION")),
            (Some("8"), Some("gzip"))
        );
        assert_eq!(otel.exporter("METRICS", "TIMEOUT").unwrap().1, "7");
        assert_eq!(otel.exporter("TRACES", "ENDPOINT"), None);
    }

    #[test]
    fn each_bad_value_and_each_variable_not_honoured_is_one_fault_by_name() {
        let bad = [
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_RESOURCE_ATTRIBUTES", "no pair"),
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_TRACES_EXPORTER", "console"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ];
        let (otel, faults) = read(&bad);
        assert_eq!(otel, Otel::default());
        let named: Vec<_> = faults.iter().map(|fault| fault.setting.as_str()).collect();
        assert_eq!(named, bad.map(|(name, _)| name));
    }

    #[test]
    fn of_several_propagators_the_known_ones_hold() {
        let (otel, faults) = read(&[("OTEL_PROPAGATORS", "b3, tracecontext")]);
        assert_eq!(otel.get("OTEL_PROPAGATORS"), Some("b3, tracecontext"));
        assert!(faults[0].problem.contains("b3"), "{}", faults[0]);
    }

    #[test]
    fn no_secret_is_shown() {
        for value in [
            "authorization=hunter2",
            "hunter2",
            "bad name=hunter2",
            "a=%zzhunter2",
        ] {
            let (otel, faults) = read(&[
                ("OTEL_EXPORTER_OTLP_HEADERS", value),
                (
                    "OTEL_EXPORTER_OTLP_ENDPOINT",
                    "https://me:hunter2@host:1/x@y",
                ),
            ]);
            let told = format!("{otel:?} {faults:?}");
            assert!(!told.contains("hunter2"), "{told}");
            assert!(told.contains("https://host:1/x@y"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(which in 0..ALL.len(), value in ".*") {
            let _ = Otel::read([(ALL[which].name.to_owned(), value)]);
        }
    }
}
