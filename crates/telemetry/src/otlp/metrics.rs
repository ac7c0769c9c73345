//! The families of the page as OTLP metrics.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
};
use plimsoll_core::names::{self, label};

use super::page::{Family, Sample, read};
use super::value::{pair, resource, scope, text};

/// Names of the semantic conventions and their units. Every other family keeps
/// its name, and its unit is what the name ends with.
const CONVENTIONS: [(&str, &str, &str); 8] = [
    (names::REQUEST_DURATION, "http.server.request.duration", "s"),
    (
        names::ACTIVE_REQUESTS,
        "http.server.active_requests",
        "{request}",
    ),
    (names::REQUEST_BODY, "http.server.request.body.size", "By"),
    (names::RESPONSE_BODY, "http.server.response.body.size", "By"),
    (
        names::CLIENT_REQUEST_DURATION,
        "http.client.request.duration",
        "s",
    ),
    (
        names::CLIENT_ACTIVE_REQUESTS,
        "http.client.active_requests",
        "{request}",
    ),
    (names::RPC_DURATION, "rpc.server.duration", "s"),
    (names::RPC_CLIENT_DURATION, "rpc.client.duration", "s"),
];

/// Labels that are attributes of the semantic conventions, and whether they are
/// numbers there.
const ATTRIBUTES: [(&str, &str, bool); 10] = [
    (label::METHOD, "http.request.method", false),
    (label::ROUTE, "http.route", false),
    (label::STATUS, "http.response.status_code", true),
    (label::ERROR_TYPE, "error.type", false),
    (label::SERVER_ADDRESS, "server.address", false),
    (label::SERVER_PORT, "server.port", true),
    (label::RPC_SYSTEM, "rpc.system", false),
    (label::RPC_SERVICE, "rpc.service", false),
    (label::RPC_METHOD, "rpc.method", false),
    (label::RPC_STATUS, "rpc.grpc.status_code", true),
];

/// When a page was written, and since when its counts run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start_nanos: u64,
    pub(super) end_nanos: u64,
}

/// The request for one page, and how many data points are in it.
pub(super) fn request(
    page: &str,
    span: Span,
    attributes: &[(String, String)],
) -> (ExportMetricsServiceRequest, u64) {
    let families = read(page);
    // The resource says it.
    let families = families.iter().filter(|it| it.name != names::TARGET_INFO);
    let metrics: Vec<_> = families.filter_map(|family| metric(family, span)).collect();
    let points = metrics.iter().map(points).sum();
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource(attributes)),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    (request, points)
}

fn points(metric: &Metric) -> u64 {
    let points = match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        _ => 0,
    };
    points as u64
}

/// `None` for a family without samples.
fn metric(family: &Family<'_>, span: Span) -> Option<Metric> {
    if family.samples.is_empty() {
        return None;
    }
    let known = CONVENTIONS.iter().find(|(name, ..)| *name == family.name);
    let (name, unit) = match known {
        Some((_, name, unit)) => (*name, *unit),
        None => (family.name, unit(family.name)),
    };
    let cumulative = AggregationTemporality::Cumulative.into();
    let numbers = || {
        let samples = family.samples.iter();
        samples.map(|sample| number(sample, span)).collect()
    };
    // What goes up and down by ones is a sum in the conventions.
    let up_and_down = known.is_some() && family.kind == "gauge";
    let data = match family.kind {
        "histogram" => Data::Histogram(Histogram {
            data_points: histograms(&family.samples, span),
            aggregation_temporality: cumulative,
        }),
        kind if kind == "counter" || up_and_down => Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: cumulative,
            is_monotonic: !up_and_down,
        }),
        _ => Data::Gauge(Gauge {
            data_points: numbers(),
        }),
    };
    Some(Metric {
        name: name.into(),
        description: family.help.into(),
        unit: unit.into(),
        data: Some(data),
        ..Metric::default()
    })
}

fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name.rsplit('_').next() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        Some("ratio") => "1",
        _ => "",
    }
}

fn number(sample: &Sample<'_>, span: Span) -> NumberDataPoint {
    // Up to here every whole number is a float of its own.
    const EXACT: f64 = (1_u64 << 53) as f64;
    let whole = sample.value.fract() == 0.0 && sample.value.abs() <= EXACT;
    let value = if whole {
        number_data_point::Value::AsInt(sample.value as i64)
    } else {
        number_data_point::Value::AsDouble(sample.value)
    };
    NumberDataPoint {
        attributes: attributes(&sample.labels),
        start_time_unix_nano: span.start_nanos,
        time_unix_nano: span.end_nanos,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

/// Gathers the lines of each histogram, in their order.
fn histograms(samples: &[Sample<'_>], span: Span) -> Vec<HistogramDataPoint> {
    #[derive(Default)]
    struct Gathered {
        /// Upper bound and count so far.
        buckets: Vec<(f64, f64)>,
        sum: Option<f64>,
        count: f64,
    }
    let mut all: BTreeMap<Vec<(&str, String)>, Gathered> = BTreeMap::new();
    for sample in samples {
        let mut labels = sample.labels.clone();
        let bound = labels.iter().position(|(name, _)| *name == "le");
        let bound = bound.map(|at| labels.remove(at).1);
        let gathered = all.entry(labels).or_default();
        match (sample.suffix, bound.as_deref()) {
            ("_bucket", Some("+Inf")) => gathered.buckets.push((f64::INFINITY, sample.value)),
            ("_bucket", Some(bound)) => {
                if let Ok(bound) = bound.parse() {
                    gathered.buckets.push((bound, sample.value));
                }
            }
            ("_sum", None) => gathered.sum = Some(sample.value),
            ("_count", None) => gathered.count = sample.value,
            _ => {}
        }
    }
    let points = all.into_iter().map(|(labels, gathered)| {
        let mut below = 0.0;
        let mut bucket_counts = Vec::with_capacity(gathered.buckets.len());
        let mut explicit_bounds = Vec::with_capacity(gathered.buckets.len());
        for (bound, so_far) in gathered.buckets {
            bucket_counts.push((so_far - below) as u64);
            below = so_far;
            if bound.is_finite() {
                explicit_bounds.push(bound);
            }
        }
        HistogramDataPoint {
            attributes: attributes(&labels),
            start_time_unix_nano: span.start_nanos,
            time_unix_nano: span.end_nanos,
            count: gathered.count as u64,
            sum: gathered.sum,
            bucket_counts,
            explicit_bounds,
            ..HistogramDataPoint::default()
        }
    });
    points.collect()
}

/// By the semantic conventions; a status of 0 is none.
fn attributes(labels: &[(&str, String)]) -> Vec<KeyValue> {
    let mut pairs = Vec::with_capacity(labels.len());
    for (name, value) in labels {
        let known = ATTRIBUTES.iter().find(|(label, ..)| label == name);
        let (key, is_number) = known.map_or((*name, false), |(_, key, number)| (*key, *number));
        if *name == label::STATUS && value == "0" {
            continue;
        }
        let number = value.parse().ok().filter(|_| is_number);
        pairs.push(pair(
            key,
            number.map_or_else(|| text(value), Value::IntValue),
        ));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# HELP http_server_request_duration_seconds Seconds.
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_response_status_code=\"200\",le=\"0.5\"} 2
http_server_request_duration_seconds_bucket{http_response_status_code=\"200\",le=\"+Inf\"} 3
http_server_request_duration_seconds_sum{http_response_status_code=\"200\"} 1.25
http_server_request_duration_seconds_count{http_response_status_code=\"200\"} 3
# TYPE http_server_active_requests gauge
http_server_active_requests{http_request_method=\"GET\"} 1
# TYPE orders_total counter
orders_total{kind=\"gift\"} 2.5
# TYPE target_info gauge
target_info{service_name=\"s\"} 1
# TYPE empty counter
";

    #[test]
    fn names_units_and_attributes_follow_the_conventions() {
        let span = Span {
            start_nanos: 1,
            end_nanos: 2,
        };
        let (request, points) = request(PAGE, span, &[("service.name".into(), "s".into())]);
        assert_eq!(points, 3);
        let resource = &request.resource_metrics[0];
        assert_eq!(resource.resource.as_ref().unwrap().attributes.len(), 1);
        let metrics = &resource.scope_metrics[0].metrics;
        let names: Vec<_> = metrics
            .iter()
            .map(|metric| (metric.name.as_str(), metric.unit.as_str()))
            .collect();
        let expected = [
            ("http.server.request.duration", "s"),
            ("http.server.active_requests", "{request}"),
            ("orders_total", ""),
        ];
        assert_eq!(names, expected);
        let Some(Data::Histogram(histogram)) = &metrics[0].data else {
            panic!("{:?}", metrics[0]);
        };
        let point = &histogram.data_points[0];
        assert_eq!(point.bucket_counts, [2, 1]);
        assert_eq!(point.explicit_bounds, [0.5]);
        assert_eq!((point.count, point.sum), (3, Some(1.25)));
        assert_eq!(
            point.attributes[0],
            pair("http.response.status_code", Value::IntValue(200))
        );
        let Some(Data::Sum(active)) = &metrics[1].data else {
            panic!("{:?}", metrics[1]);
        };
        assert!(!active.is_monotonic);
        let Some(Data::Sum(orders)) = &metrics[2].data else {
            panic!("{:?}", metrics[2]);
        };
        assert!(orders.is_monotonic);
        let value = number_data_point::Value::AsDouble(2.5);
        assert_eq!(orders.data_points[0].value, Some(value));
    }
}
