//! A service over real TCP with a metrics page like Plimsoll's, told how to behave.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "shared by test crates that each use a part"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use plimsoll_core::names::SECONDS_BUCKETS;
use plimsoll_core::outcome::Outcome;
use plimsoll_loadtest::Target;
use plimsoll_slo::{SloFile, Source, read};
use tokio::net::TcpListener;

type Key = (String, String, u16);

#[derive(Default)]
pub struct Service {
    /// What `/item` answers; 0 is 200.
    pub status: AtomicU16,
    /// How long `/item` takes.
    pub millis: AtomicU64,
    /// Every n-th request is not counted; 0 is none.
    pub forget_every: AtomicU64,
    /// While set, nothing is answered.
    pub frozen: AtomicBool,
    /// Requests to no route.
    pub astray: AtomicU64,
    active: AtomicI64,
    seen: AtomicU64,
    finished: Mutex<BTreeMap<Key, Vec<f64>>>,
}

pub struct Running {
    pub service: Arc<Service>,
    pub url: String,
    pub metrics: String,
}

impl Running {
    /// Waits for a request to no route.
    pub async fn accepted(&self) {
        while self.service.astray.load(Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn target(&self) -> Target {
        Target {
            url: self.url.clone(),
            metrics: self.metrics.clone(),
            slo: slo(),
        }
    }
}

pub async fn start() -> Running {
    let service = Arc::new(Service::default());
    let business = Router::new()
        .route("/item", get(item))
        .route("/items/{id}", get(item))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/order", post(|| async { (StatusCode::CREATED, "made") }))
        .route_layer(middleware::from_fn_with_state(service.clone(), count))
        .fallback(astray)
        .with_state(service.clone());
    let status = Router::new()
        .route("/metrics", get(page))
        .with_state(service.clone());
    let url = listen(business).await;
    let metrics = format!("{}/metrics", listen(status).await);
    Running {
        service,
        url,
        metrics,
    }
}

async fn astray(State(service): State<Arc<Service>>) -> StatusCode {
    service.astray.fetch_add(1, Relaxed);
    StatusCode::NOT_FOUND
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn item(State(service): State<Arc<Service>>) -> (StatusCode, Json<&'static str>) {
    while service.frozen.load(Relaxed) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let millis = service.millis.load(Relaxed);
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let status = service.status.load(Relaxed);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    (status, Json("an item"))
}

/// Finished once, even when the client goes.
struct Guard {
    service: Arc<Service>,
    key: Key,
    began: Instant,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.service.active.fetch_sub(1, Relaxed);
        let every = self.service.forget_every.load(Relaxed);
        let seen = self.service.seen.fetch_add(1, Relaxed) + 1;
        if every > 0 && seen.is_multiple_of(every) {
            return;
        }
        let mut finished = self.service.finished.lock().expect("a lock");
        let times = finished.entry(self.key.clone()).or_default();
        times.push(self.began.elapsed().as_secs_f64());
    }
}

async fn count(
    State(service): State<Arc<Service>>,
    path: MatchedPath,
    method: Method,
    request: Request,
    next: Next,
) -> Response {
    service.active.fetch_add(1, Relaxed);
    let key = (method.to_string(), path.as_str().to_owned(), 499);
    let mut guard = Guard {
        service,
        key,
        began: Instant::now(),
    };
    let response = next.run(request).await;
    guard.key.2 = response.status().as_u16();
    response
}

async fn page(State(service): State<Arc<Service>>) -> String {
    let mut page = "process_start_time_seconds 1\n".to_owned();
    let active = service.active.load(Relaxed);
    let _ = writeln!(
        page,
        "http_server_active_requests{{http_request_method=\"GET\"}} {active}"
    );
    let mut finished = service.finished.lock().expect("a lock").clone();
    for status in [200, 500] {
        finished
            .entry(("GET".into(), "/item".into(), status))
            .or_default();
    }
    let mut by_route: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for ((method, route, status), times) in finished {
        let of = format!("http_request_method=\"{method}\",http_route=\"{route}\"");
        let outcome = Outcome::of_status(status);
        let slo = outcome.blame().map_or("good", |blame| blame.slo().as_str());
        let (outcome, count) = (outcome.as_str(), times.len());
        let _ = writeln!(
            page,
            "plimsoll_requests_total{{{of},outcome=\"{outcome}\",error_code=\"{status}\",slo=\"{slo}\"}} {count}"
        );
        if slo != "excluded" {
            by_route.entry((method, route)).or_default().extend(times);
        }
    }
    for ((method, route), times) in by_route {
        let of = format!("http_request_method=\"{method}\",http_route=\"{route}\"");
        for bound in SECONDS_BUCKETS {
            let within = times.iter().filter(|time| **time <= bound).count();
            let _ = writeln!(
                page,
                "plimsoll_time_to_head_seconds_bucket{{{of},le=\"{bound}\"}} {within}"
            );
        }
        let _ = writeln!(
            page,
            "plimsoll_time_to_head_seconds_count{{{of}}} {}",
            times.len()
        );
    }
    page
}

/// 90 % of `GET /item` good, 90 % within a quarter of a second: 30 requests are enough.
pub fn slo() -> SloFile {
    let source = Source {
        name: "test.yaml".into(),
        text: slo_text(),
    };
    read(&[source]).expect("an SLO file")
}

pub fn slo_text() -> String {
    let of = "http_request_method=\"GET\",http_route=\"/item\"";
    let objective = |name: &str, good: &str, total: &str| {
        format!(
            r"apiVersion: openslo/v1
kind: SLO
metadata:
  name: {name}
spec:
  service: test
  indicator:
    metadata:
      name: {name}
    spec:
      ratioMetric:
        counter: true
        good:
          metricSource:
            type: Prometheus
            spec:
              query: {good}
        total:
          metricSource:
            type: Prometheus
            spec:
              query: {total}
  timeWindow:
    - duration: 30d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - target: 0.9
"
        )
    };
    let requests = |slo: &str| format!("sum(plimsoll_requests_total{{{of},slo{slo}}})");
    let head = "plimsoll_time_to_head_seconds";
    format!(
        "{}---\n{}",
        objective(
            "availability",
            &requests("=\"good\""),
            &requests("=~\"good|bad\"")
        ),
        objective(
            "latency",
            &format!("sum({head}_bucket{{{of},le=\"0.25\"}})"),
            &format!("sum({head}_count{{{of}}})"),
        )
    )
}

/// An address where nobody listens, and one where every connection is closed
/// once a request has come.
pub async fn broken() -> [String; 2] {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closes = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address =
        |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("an address"));
    let addresses = [address(&nobody), address(&closes)];
    drop(nobody);
    tokio::spawn(async move {
        while let Ok((stream, _)) = closes.accept().await {
            let _ = stream.readable().await;
            let _ = stream.try_read(&mut [0; 4_096]);
        }
    });
    addresses
}
