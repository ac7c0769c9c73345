//! The service under a real Prometheus with the generated rules: every query of
//! the generated dashboard shows something, and no rule fails.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod http;
mod started;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll_testkit::otlp::{Behaviour, Collector, hex};
use started::{Prometheus, Service};

/// The rules for long windows read one recorded count a minute.
const LIMIT: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);
/// Between two rounds through the routes: far below what the limiter refuses.
const PAUSE: Duration = Duration::from_millis(20);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Asks every route in turn, over and over, until dropped.
struct Traffic(Option<Sender<()>>, Option<thread::JoinHandle<()>>);

impl Traffic {
    fn start(service: String) -> Self {
        let (running, stopped) = channel::<()>();
        let spend = r#"{"card_id":"crd_0000001","amount_minor":1,"currency":"EUR","merchant":"A"}"#;
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                http::get(&service, "/v1/accounts/acc_0000001/overview");
                http::get(&service, "/v1/accounts/acc_0000001/cards");
                http::get(&service, "/v1/cards/crd_0000001");
                http::get(&service, "/v1/cards/crd_9999999");
                http::send(&service, "POST", "/v1/cards/crd_0000007/activation", "");
                http::send(&service, "POST", "/v1/transactions", spend);
            }
        });
        Self(Some(running), Some(thread))
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        drop(self.0.take());
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}

/// Why a query shows nothing, if it does.
fn fault(prometheus: &Prometheus, query: &str) -> Option<String> {
    let answer = prometheus.query(query);
    if answer["status"] != "success" {
        return Some(answer.to_string());
    }
    let result = answer["data"]["result"].as_array().unwrap();
    let numbers = result.iter().filter_map(|row| row["value"][1].as_str());
    let shown = numbers.filter(|text| *text != "NaN").count();
    (shown == 0).then(|| format!("{} series, none with a number", result.len()))
}

/// Rules that are not evaluated yet or are in error, by name.
fn unhealthy(prometheus: &Prometheus) -> Vec<String> {
    let answer = prometheus.get("/api/v1/rules");
    let groups = answer["data"]["groups"].as_array().unwrap();
    assert!(!groups.is_empty(), "no rule was loaded: {answer}");
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    rules
        .filter(|rule| rule["health"] != "ok")
        .map(|rule| format!("{} {} {}", rule["name"], rule["health"], rule["lastError"]))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at another process nothing here can wake us"
)]
/// Looks until nothing is left to be told.
fn wait_until_none(what: &str, mut left: impl FnMut() -> Vec<String>) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let found = left();
        if found.is_empty() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{what} after {LIMIT:?}:\n{}",
            found.join("\n")
        );
        thread::sleep(LOOK);
    }
}

#[test]
fn every_query_of_the_dashboard_shows_something_and_no_rule_is_in_error() {
    let service = Service::start();
    let faults = r#"{"error_percent":20,"panic_percent":1}"#;
    http::send(&service.control, "PUT", "/faults", faults);
    let _traffic = Traffic::start(service.address.clone());
    let rules = repository().join("slo/generated/card-service.rules.yaml");
    let prometheus = Prometheus::start(&service.status, Some(&rules));

    let dashboard = repository().join("dashboards/generated/card-service.json");
    let dashboard = std::fs::read_to_string(dashboard).unwrap();
    let mut left = plimsoll_slo::dashboards::queries(&dashboard).unwrap();
    assert!(left.len() > 15, "{left:?}");
    wait_until_none("queries without data", || {
        let mut faults = Vec::new();
        left.retain(|(title, query)| {
            let fault = fault(&prometheus, query);
            faults.extend(
                fault
                    .iter()
                    .map(|fault| format!("{title}: {query}: {fault}")),
            );
            fault.is_some()
        });
        faults
    });
    wait_until_none("rules in error", || unhealthy(&prometheus));

    // What was broken shows where it should.
    let codes = prometheus
        .query(r#"sum by (error_code, outcome) (plimsoll_requests_total{slo="bad"}) > 0"#);
    let codes: BTreeMap<&str, &str> = codes["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| {
            let of = |label: &str| row["metric"][label].as_str();
            Some((of("outcome")?, of("error_code")?))
        })
        .collect();
    assert!(codes["fault"].starts_with("CARD-"), "{codes:?}");
    assert!(codes["panic"].starts_with("PLM-"), "{codes:?}");
    wait_until_none("objectives whose budget is untouched", || {
        let spent = prometheus.query("plimsoll_slo:budget_remaining:ratio < 1");
        let rows = spent["data"]["result"].as_array().unwrap();
        let broken = ["overview", "read", "write"].map(|class| format!("{class}-availability"));
        let shows = |slo: &String| rows.iter().any(|row| row["metric"]["slo"] == **slo);
        broken.into_iter().filter(|slo| !shows(slo)).collect()
    });
}

#[test]
fn a_bucket_leads_to_the_trace_that_a_collector_has() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start(Behaviour::Healthy));
    let base = collector.base();
    let service = Service::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &base),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ]);
    let _traffic = Traffic::start(service.address.clone());
    let prometheus = Prometheus::start(&service.status, None);
    let of = "histogram_quantile(0.99, sum by (le) \
              (rate(http_server_request_duration_seconds_bucket{http_route=\"/v1/cards/{id}\"}[1m])))";
    wait_until_none("exemplars of traces that arrived", || {
        let answer = prometheus.exemplars(of);
        let arrived: Vec<String> = collector
            .spans()
            .iter()
            .map(|span| hex(&span.trace_id))
            .collect();
        let shown: Vec<&str> = answer["data"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|series| series["exemplars"].as_array().into_iter().flatten())
            .filter_map(|exemplar| exemplar["labels"]["trace_id"].as_str())
            .collect();
        let known = shown.iter().any(|id| arrived.iter().any(|it| it == id));
        if known {
            Vec::new()
        } else {
            vec![format!("{} spans, {answer}", arrived.len())]
        }
    });
}

#[test]
fn promtool_finds_no_fault_in_the_metrics_page() {
    let service = Service::start();
    http::get(&service.address, "/v1/cards/crd_0000001");
    http::get(&service.address, "/v1/cards/none");
    let page = http::get(&service.status, "/metrics");
    let found = started::promtool_check_metrics(&page);
    assert_eq!(found, "", "{page}");
}
