//! What `OTEL_*` and the service's code say of exporting spans.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanLimits;
use plimsoll_core::otel::{self, Otel};

use super::processor::Batching;
use super::sampler::{Root, Sampler};
use crate::builder::TracesConfig;
use crate::config::Warning;

/// How spans travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// OTLP over HTTP, protobuf.
    Http,
    /// OTLP over gRPC.
    Grpc,
}

/// Where and how spans are exported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Otlp {
    /// Full address of the traces endpoint.
    pub(crate) endpoint: String,
    pub(crate) protocol: Protocol,
    /// Secrets may be among them.
    pub(crate) headers: Headers,
    /// Time limit of one export, repetition included.
    pub(crate) timeout: Duration,
    pub(crate) gzip: bool,
    pub(crate) batching: Batching,
    pub(crate) limits: Limits,
    pub(crate) sampler: Sampler,
    /// Whether spans are also exported for how their request ended.
    pub(crate) keep: bool,
    /// Whether the spans of successes say who asked, too.
    pub(crate) details: bool,
    pub(crate) resource: Vec<(String, String)>,
}

/// Headers whose values are never printed.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Headers(pub(crate) Vec<(HeaderName, HeaderValue)>);

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Bounds of one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) attributes: u32,
    pub(crate) events: u32,
    pub(crate) links: u32,
    pub(crate) of_event: u32,
    pub(crate) of_link: u32,
    /// Characters of a text value.
    pub(crate) text: Option<usize>,
}

impl Limits {
    fn of(otel: &Otel) -> Self {
        let number = |name: &str| otel.number(name).and_then(|it| u32::try_from(it).ok());
        let any = number("OTEL_ATTRIBUTE_COUNT_LIMIT");
        let of = |name: &str, above: Option<u32>| number(name).or(above).unwrap_or(128);
        let text = number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")
            .or_else(|| number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"));
        Self {
            attributes: of("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", any),
            events: of("OTEL_SPAN_EVENT_COUNT_LIMIT", None),
            links: of("OTEL_SPAN_LINK_COUNT_LIMIT", None),
            of_event: of("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", any),
            of_link: of("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", any),
            text: text.map(|it| it as usize),
        }
    }

    pub(super) fn sdk(self) -> SpanLimits {
        SpanLimits {
            max_attributes_per_span: self.attributes,
            max_events_per_span: self.events,
            max_links_per_span: self.links,
            max_attributes_per_event: self.of_event,
            max_attributes_per_link: self.of_link,
        }
    }
}

/// The service's name: `OTEL_SERVICE_NAME`, else the resource's, else the code's.
pub(crate) fn service_name(otel: &Otel, code: &str) -> String {
    let named = otel.get("OTEL_SERVICE_NAME").map(str::to_owned);
    let found = named.or_else(|| {
        let (_, name) = resource(otel)
            .into_iter()
            .find(|(key, _)| key == "service.name")?;
        Some(name)
    });
    found.unwrap_or_else(|| code.into())
}

/// What everything exported is said to come from.
pub(crate) fn resource_of(otel: &Otel, service: &str) -> Vec<(String, String)> {
    let own = [
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.distro.name", "plimsoll"),
        ("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
    ];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut all = Vec::from(own);
    let set = resource(otel).into_iter();
    all.extend(set.filter(|(key, _)| key != "service.name"));
    all.push(("service.name".into(), service.into()));
    all
}

fn resource(otel: &Otel) -> Vec<(String, String)> {
    let list = otel.get("OTEL_RESOURCE_ATTRIBUTES");
    list.and_then(|list| otel::members(list).ok())
        .unwrap_or_default()
}

impl Otlp {
    /// `None` when nothing is to be exported. What the environment says stands
    /// above the code.
    pub(crate) fn of(
        otel: &Otel,
        code: &TracesConfig,
        warnings: &mut Vec<Warning>,
    ) -> Option<Self> {
        if otel.is_true("OTEL_SDK_DISABLED") || otel.get("OTEL_TRACES_EXPORTER") == Some("none") {
            return None;
        }
        let set = |what: &str| otel.exporter("TRACES", what);
        let protocol = match set("PROTOCOL") {
            Some((_, "grpc")) if cfg!(feature = "otlp-grpc") => Protocol::Grpc,
            Some((name, "grpc")) => {
                let problem = "grpc needs the feature `otlp-grpc`, which this build does not have; http/protobuf is used";
                warnings.push(Warning::new(name, problem));
                Protocol::Http
            }
            _ => Protocol::Http,
        };
        let endpoint = match set("ENDPOINT") {
            None => code.endpoint.clone()?,
            Some((_, address)) if protocol == Protocol::Grpc => {
                let insecure = set("INSECURE");
                let insecure = insecure.is_some_and(|(_, it)| it.eq_ignore_ascii_case("true"));
                match (address.contains("://"), insecure) {
                    (true, _) => address.into(),
                    (false, true) => format!("http://{address}"),
                    (false, false) => format!("https://{address}"),
                }
            }
            Some(("OTEL_EXPORTER_OTLP_ENDPOINT", base)) => {
                format!("{}/v1/traces", base.trim_end_matches('/'))
            }
            Some((_, address)) => address.into(),
        };
        let number = |name: &str, default: u64| otel.number(name).unwrap_or(default);
        let queue = number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048).min(1 << 20) as usize;
        let batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512) as usize;
        let timeout = set("TIMEOUT").and_then(|(_, text)| text.parse().ok());
        let timeout = timeout
            .unwrap_or(10_000)
            .min(number("OTEL_BSP_EXPORT_TIMEOUT", 30_000));
        let headers = set("HEADERS").and_then(|(_, list)| otel::headers(list).ok());
        Some(Self {
            endpoint,
            protocol,
            headers: Headers(headers.unwrap_or_default()),
            timeout: Duration::from_millis(timeout),
            gzip: set("COMPRESSION").is_some_and(|(_, it)| it == "gzip"),
            batching: Batching {
                queue,
                batch: batch.min(queue),
                delay: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 5_000)),
            },
            limits: Limits::of(otel),
            sampler: sampler(otel, code),
            keep: code.keep,
            details: code.details,
            resource: resource(otel),
        })
    }

    /// What every span is said to come from.
    pub(super) fn resource(&self, service: &str) -> Resource {
        let own = [
            ("telemetry.sdk.name", "opentelemetry"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.distro.name", "plimsoll"),
            ("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
        ];
        let own = own.map(|(key, value)| KeyValue::new(key, value));
        let set = self.resource.iter();
        let set = set.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        Resource::builder_empty()
            .with_attributes(own)
            .with_attributes(set)
            .with_attribute(KeyValue::new("service.name", service.to_owned()))
            .build()
    }
}

/// An operator's ratio, else `OTEL_TRACES_SAMPLER`, else the code's ratio.
fn sampler(otel: &Otel, code: &TracesConfig) -> Sampler {
    let of = |ratio| Sampler::by_parent(Root::Ratio(ratio));
    if let Some(ratio) = code.operator_ratio {
        return of(ratio);
    }
    let Some(name) = otel.get("OTEL_TRACES_SAMPLER") else {
        return code.ratio.map_or_else(Sampler::default, of);
    };
    let root = name.strip_prefix("parentbased_");
    let by_parent = root.is_some();
    let root = match root.unwrap_or(name) {
        "always_off" => Root::Off,
        "traceidratio" => {
            let ratio = otel.get("OTEL_TRACES_SAMPLER_ARG");
            Root::Ratio(ratio.and_then(|text| text.parse().ok()).unwrap_or(1.0))
        }
        _ => Root::On,
    };
    Sampler { root, by_parent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], code: &TracesConfig) -> (Option<Otlp>, Vec<Warning>) {
        let mut warnings = Vec::new();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let (otel, faults) = Otel::read(pairs.iter().map(owned));
        assert!(faults.is_empty(), "{faults:?}");
        (Otlp::of(&otel, code, &mut warnings), warnings)
    }

    fn set(pairs: &[(&str, &str)]) -> Otlp {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
        let pairs: Vec<_> = pairs.iter().copied().chain([endpoint]).collect();
        read(&pairs, &TracesConfig::default()).0.unwrap()
    }

    #[test]
    fn nothing_is_exported_until_an_endpoint_is_named() {
        let code = TracesConfig::default();
        assert_eq!(read(&[], &code), (None, vec![]));
        assert_eq!(set(&[]).endpoint, "http://127.0.0.1:4318/v1/traces");
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
        for off in [
            ("OTEL_SDK_DISABLED", "TRUE"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert_eq!(read(&[endpoint, off], &code).0, None);
        }
    }

    #[test]
    fn what_the_environment_says_stands_above_the_code() {
        let code = TracesConfig {
            endpoint: Some("http://code/v1/traces".into()),
            ratio: Some(0.5),
            ..TracesConfig::default()
        };
        let (otlp, _) = read(&[], &code);
        let otlp = otlp.unwrap();
        assert_eq!(otlp.endpoint, "http://code/v1/traces");
        assert_eq!(otlp.sampler, Sampler::by_parent(Root::Ratio(0.5)));
        let env = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://env/x"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ];
        let otlp = read(&env, &code).0.unwrap();
        assert_eq!(otlp.endpoint, "http://env/x");
        let root = Root::Ratio(0.25);
        let by_parent = false;
        assert_eq!(otlp.sampler, Sampler { root, by_parent });
        let operator = TracesConfig {
            operator_ratio: Some(0.125),
            ..code
        };
        let otlp = read(&env, &operator).0.unwrap();
        assert_eq!(otlp.sampler, Sampler::by_parent(Root::Ratio(0.125)));
    }

    #[test]
    fn the_six_samplers_have_their_names() {
        for (name, root, by_parent) in [
            ("always_on", Root::On, false),
            ("always_off", Root::Off, false),
            ("traceidratio", Root::Ratio(1.0), false),
            ("parentbased_always_on", Root::On, true),
            ("parentbased_always_off", Root::Off, true),
            ("parentbased_traceidratio", Root::Ratio(1.0), true),
        ] {
            let otlp = set(&[("OTEL_TRACES_SAMPLER", name)]);
            assert_eq!(otlp.sampler, Sampler { root, by_parent }, "{name}");
        }
    }

    #[test]
    fn exporter_batch_and_limits_are_as_set_and_no_header_is_printed() {
        let otlp = set(&[
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20hunter2",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "40000"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "3"),
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9"),
        ]);
        assert_eq!(otlp.headers.0[0].1, "Bearer hunter2");
        assert!(!format!("{otlp:?}").contains("hunter2"));
        assert_eq!(otlp.timeout, Duration::from_secs(30), "the shorter limit");
        assert!(otlp.gzip);
        let batching = Batching {
            queue: 100,
            batch: 100,
            delay: Duration::from_millis(20),
        };
        assert_eq!(otlp.batching, batching);
        let limits = Limits {
            attributes: 7,
            events: 3,
            links: 128,
            of_event: 7,
            of_link: 7,
            text: Some(9),
        };
        assert_eq!(otlp.limits, limits);
    }

    #[test]
    fn grpc_takes_an_address_without_a_scheme_where_it_is_built_in_and_else_warns() {
        let env = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ];
        let (otlp, warnings) = read(&env, &TracesConfig::default());
        let otlp = otlp.unwrap();
        if cfg!(feature = "otlp-grpc") {
            assert_eq!(otlp.endpoint, "http://collector:4317");
            assert!(warnings.is_empty());
        } else {
            assert_eq!(otlp.protocol, Protocol::Http);
            assert!(
                warnings[0].problem.contains("`otlp-grpc`"),
                "{}",
                warnings[0]
            );
        }
    }

    #[test]
    fn the_services_name_is_the_same_wherever_it_is_set() {
        let named = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            service_name(&Otel::read(pairs.iter().map(owned)).0, "code")
        };
        let resource = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "a=b,service.name=card%20service",
        );
        assert_eq!(named(&[]), "code");
        assert_eq!(named(&[resource]), "card service");
        assert_eq!(named(&[resource, ("OTEL_SERVICE_NAME", "cards")]), "cards");
    }
}
