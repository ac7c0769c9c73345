//! What the dashboard shows, row by row.

use plimsoll_core::names::{self, label};
use plimsoll_core::outcome::Slo;

use super::layout::Row;
use super::panel::{Colours, Kind, Panel};
use crate::rules::series;

pub(super) fn rows(services: &[&str], page_factors: &[String]) -> Vec<Row> {
    vec![
        Row {
            title: "Objectives",
            panels: objectives(services, page_factors),
        },
        Row {
            title: "Requests",
            panels: requests(),
        },
        Row {
            title: "Time",
            panels: times(),
        },
        Row {
            title: "Plimsoll itself",
            panels: own(),
        },
    ]
}

fn objectives(services: &[&str], page_factors: &[String]) -> Vec<Panel> {
    let of = |name: &str| format!("{name}{{{}=~\"{}\"}}", series::SERVICE, services.join("|"));
    let burn = |window: &str| vec![(of(&series::burn_rate(window)), "{{slo}}")];
    let page_lines = || Colours {
        base: "green",
        steps: page_factors
            .iter()
            .map(|factor| (factor.clone(), "red"))
            .collect(),
    };
    vec![
        Panel {
            kind: Kind::BarGauge,
            title: "Error budget left",
            description: "Share of the period's error budget that is not spent, for each objective. Below zero the objective is missed.",
            unit: "percentunit",
            queries: vec![(of(series::BUDGET_REMAINING), "{{slo}}")],
            colours: Colours {
                base: "red",
                steps: vec![("0".to_owned(), "orange"), ("0.25".to_owned(), "green")],
            },
        },
        time_series(
            "Good share, one hour",
            "Good over valid requests of the last hour, for each objective. Empty where nothing was counted.",
            "percentunit",
            vec![(
                format!(
                    "{} / ({} > 0)",
                    of(&series::good("1h")),
                    of(&series::total("1h"))
                ),
                "{{slo}}",
            )],
        ),
        Panel {
            colours: page_lines(),
            ..time_series(
                "Burn rate, one hour",
                "How many times too fast each error budget is spent, over the last hour. The lines are the rates that page.",
                "x",
                burn("1h"),
            )
        },
        Panel {
            colours: page_lines(),
            ..time_series(
                "Burn rate, five minutes",
                "The same over the last five minutes: what ends an alert.",
                "x",
                burn("5m"),
            )
        },
    ]
}

fn requests() -> Vec<Panel> {
    let bad = format!("{}=\"{}\"", label::SLO, Slo::Bad.as_str());
    let valid = format!(
        "{}=~\"{}|{}\"",
        label::SLO,
        Slo::Good.as_str(),
        Slo::Bad.as_str()
    );
    let by_route = |matchers: &str| sum_rate(&[label::ROUTE], names::REQUESTS, matchers);
    vec![
        time_series(
            "Requests by route",
            "Finished requests a second, whatever their outcome.",
            "reqps",
            vec![(by_route(""), "{{http_route}}")],
        ),
        time_series(
            "Errors by route and code",
            "Requests a second that burn error budget, with the code the service gave them.",
            "reqps",
            vec![(
                sum_rate(&[label::ROUTE, label::ERROR_CODE], names::REQUESTS, &bad),
                "{{http_route}} {{error_code}}",
            )],
        ),
        time_series(
            "Bad share by route",
            "Requests that burn budget over those that count. Client errors and quota refusals do not count.",
            "percentunit",
            vec![(
                format!("{} / ({} > 0)", by_route(&bad), by_route(&valid)),
                "{{http_route}}",
            )],
        ),
        time_series(
            "Outcomes",
            "How requests ended, a second.",
            "reqps",
            vec![(
                sum_rate(&[label::OUTCOME], names::REQUESTS, ""),
                "{{outcome}}",
            )],
        ),
        time_series(
            "Answers by status",
            "HTTP status codes a second; 0 is a request that got no head.",
            "reqps",
            vec![(
                sum_rate(
                    &[label::STATUS],
                    &format!("{}_count", names::REQUEST_DURATION),
                    "",
                ),
                "{{http_response_status_code}}",
            )],
        ),
        time_series(
            "Requests in flight",
            "Requests between call and end of body.",
            "short",
            vec![(
                format!(
                    "sum by ({}) ({})",
                    label::METHOD,
                    selected(names::ACTIVE_REQUESTS, "")
                ),
                "{{http_request_method}}",
            )],
        ),
    ]
}

fn times() -> Vec<Panel> {
    let quantile = |share: &str, by: &[&str], metric: &str| {
        let by = [&["le"], by].concat();
        let buckets = sum_rate(&by, &format!("{metric}_bucket"), "");
        format!("histogram_quantile({share}, {buckets})")
    };
    let three = |metric: &str| {
        vec![
            (quantile("0.5", &[], metric), "p50"),
            (quantile("0.95", &[], metric), "p95"),
            (quantile("0.99", &[], metric), "p99"),
        ]
    };
    vec![
        time_series(
            "Time to head",
            "From call to response head, of requests that count for an objective. Latency objectives count this.",
            "s",
            three(names::TIME_TO_HEAD),
        ),
        time_series(
            "Time to head by route, p95",
            "Ninety-five of a hundred requests of a route had their head within this time.",
            "s",
            vec![(
                quantile("0.95", &[label::ROUTE], names::TIME_TO_HEAD),
                "{{http_route}}",
            )],
        ),
        time_series(
            "Full duration",
            "From call to end of body, of all requests. A slow client makes this long, not the service slow.",
            "s",
            three(names::REQUEST_DURATION),
        ),
        time_series(
            "Full duration by route, p95",
            "Ninety-five of a hundred requests of a route were over within this time.",
            "s",
            vec![(
                quantile("0.95", &[label::ROUTE], names::REQUEST_DURATION),
                "{{http_route}}",
            )],
        ),
    ]
}

fn own() -> Vec<Panel> {
    vec![
        time_series(
            "Limiter decisions",
            "What each limit decided, a second.",
            "ops",
            vec![(
                sum_rate(
                    &[label::POLICY, label::DECISION],
                    names::RATELIMIT_DECISIONS,
                    "",
                ),
                "{{policy}} {{decision}}",
            )],
        ),
        time_series(
            "Telemetry dropped",
            "Log lines, spans and events lost a second, and why. Anything above zero deserves a look.",
            "ops",
            vec![(
                sum_rate(
                    &[label::SIGNAL, label::REASON],
                    names::TELEMETRY_DROPPED,
                    "",
                ),
                "{{signal}} {{reason}}",
            )],
        ),
    ]
}

fn time_series(
    title: &'static str,
    description: &'static str,
    unit: &'static str,
    queries: Vec<(String, &'static str)>,
) -> Panel {
    Panel {
        kind: Kind::TimeSeries,
        title,
        description,
        unit,
        queries,
        colours: Colours::none(),
    }
}

/// `sum by (..) (rate(..))` over the chosen jobs and instances.
fn sum_rate(by: &[&str], metric: &str, matchers: &str) -> String {
    format!(
        "sum by ({}) (rate({}[$__rate_interval]))",
        by.join(", "),
        selected(metric, matchers)
    )
}

fn selected(metric: &str, matchers: &str) -> String {
    let comma = if matchers.is_empty() { "" } else { "," };
    format!("{metric}{{job=~\"$job\",instance=~\"$instance\"{comma}{matchers}}}")
}
