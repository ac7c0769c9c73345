//! Log lines as they leave the process: held against the published schema, and
//! the same facts through a host's own subscriber.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::StatusCode;
use plimsoll::{LOG_LINE_SCHEMA, Ownership};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{get, instance, raw, serve, shut};

fn app() -> Router {
    Router::new()
        .route(
            "/ok",
            on_get(async || {
                let _span = tracing::info_span!("reading", tenant = "a\"b").entered();
                tracing::info!(rows = 3, share = 0.5, time = "mine", "read");
                tracing::debug!(step = 1, "quiet");
                "ok"
            }),
        )
        .route("/theirs", on_get(async || StatusCode::BAD_REQUEST))
        .route(
            "/ours",
            on_get(async || -> StatusCode {
                tracing::debug!(step = 2, "kept");
                panic!("told to")
            }),
        )
        .route(
            "/grpc",
            on_get(async || {
                let headers = [("content-type", "application/grpc"), ("grpc-status", "0")];
                (headers, Body::empty())
            }),
        )
}

/// The faults that PyPI's `jsonschema`, installed by `make tools`, finds in each line.
fn faults(lines: &[Value]) -> Vec<String> {
    const JUDGE: &str = r#"
import json, sys
from jsonschema import Draft202012Validator
schema, lines = json.load(sys.stdin)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for line in lines:
    errors = sorted(error.json_path + ": " + error.message for error in validator.iter_errors(line))
    print(json.dumps("; ".join(errors)))
"#;
    let python = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = python.join("../../target/tools/bin/python");
    let mut asked = Command::new(&python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run `make tools`", python.display()));
    let schema: Value = serde_json::from_str(LOG_LINE_SCHEMA).unwrap();
    let mut input = asked.stdin.take().unwrap();
    let question = serde_json::json!([schema, lines]);
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let told = asked.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{errors}");
    let told = String::from_utf8(told.stdout).unwrap();
    told.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn every_line_keeps_to_the_published_schema() {
    let (plimsoll, lines) = instance(|builder| {
        builder.telemetry(|telemetry| {
            let telemetry = telemetry.log_headers("host").log_query("page");
            telemetry.log_callsite(1).log_success_sample(0.999_999)
        })
    });
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let address = serve(app().layer(plimsoll.layer())).await;
    for path in ["/ok", "/theirs", "/ours", "/nowhere?page=1&q=1"] {
        get(address, path).await;
    }
    let long = "x".repeat(2_000);
    let of_grpc = "content-type: application/grpc\r\ngrpc-timeout: 100m\r\n";
    let linked = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    for request in [
        format!("GET /{long} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"),
        format!("GET /grpc HTTP/1.1\r\nhost: test\r\n{of_grpc}{linked}connection: close\r\n\r\n"),
    ] {
        raw(address, &request).await;
    }
    for again in 0..50 {
        tracing::warn!(again, "too often");
    }
    shut(plimsoll, Duration::from_secs(10)).await;
    let lines = lines.all();
    for (line, faults) in lines.iter().zip(faults(&lines)) {
        assert_eq!(faults, "", "{line:#}");
    }
    let with = |key: &str| lines.iter().filter(|line| !line[key].is_null()).count();
    for key in [
        "weight",
        "cause",
        "grpc_status",
        "linked_trace_id",
        "keep",
        "header.host",
        "query.page",
    ] {
        assert!(with(key) > 0, "no line has {key}");
    }
    for key in ["field.time", "tenant", "suppressed", "flight", "report"] {
        assert!(with(key) > 0, "no line has {key}");
    }
    // The judge finds what is wrong.
    let mut wrong = lines[0].clone();
    wrong["target"] = "plimsoll::access".into();
    wrong["trace_id"] = "ABC".into();
    wrong["new_key"] = 1.into();
    let found = faults(&[wrong]).remove(0);
    assert!(
        found.contains("new_key") && found.contains("ABC"),
        "{found}"
    );
}

/// Names and values of the access events that a host's subscriber sees.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Pairs>>>);

#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl Visit for Pairs {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name().into(), value.into()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push((field.name().into(), format!("{value:?}")));
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Seen {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == plimsoll_telemetry::ACCESS_TARGET {
            let mut pairs = Pairs::default();
            event.record(&mut pairs);
            self.0.lock().unwrap().push(pairs);
        }
    }
}

#[tokio::test]
async fn a_hosts_subscriber_is_told_all_that_our_own_line_says() {
    let seen = Seen::default();
    let subscriber = tracing_subscriber::registry().with(seen.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let (own, lines) = instance(|builder| builder);
    let (guest, _) = instance(|builder| builder.logs(Ownership::Join));
    for instance in [&own, &guest] {
        let address = serve(app().layer(instance.layer())).await;
        get(address, "/ours").await;
    }
    let line = lines.requests(1).await.remove(0);
    let keys: BTreeSet<_> = line.as_object().unwrap().keys().cloned().collect();
    let told = plimsoll_testkit::wait::until("the event", || seen.0.lock().unwrap().pop()).await;
    let names = told.0.iter().map(|(name, _)| name.trim_start_matches("r#"));
    let names: BTreeSet<_> = names.map(str::to_owned).collect();
    // The host's formatter has these from elsewhere.
    let of_format = ["time", "level", "target", "service"].map(str::to_owned);
    let missing: Vec<_> = keys.difference(&names).collect();
    assert_eq!(
        missing,
        of_format
            .iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(names.difference(&keys).count(), 0, "{names:?}");
}
