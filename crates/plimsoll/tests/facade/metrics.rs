//! The metrics page: its forms, its budget, what stands on it.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use axum::Router;
use axum::routing::get as on_get;
use plimsoll::Ownership;
use plimsoll::metrics::Exposition;
use plimsoll_testkit::http::raw;
use plimsoll_testkit::otlp::{Behaviour, Collector};
use plimsoll_testkit::page::Page;

use crate::support::{get, instance, metric, serve, status};

const OPEN: &str = "accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n";

/// Head and body of the page for these headers.
async fn page(address: std::net::SocketAddr, method: &str, headers: &str) -> (String, Vec<u8>) {
    let request =
        format!("{method} /metrics HTTP/1.1\r\nhost: t\r\n{headers}connection: close\r\n\r\n");
    let answer = raw(address, request.as_bytes()).await;
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer[end + 4..].to_vec())
}

#[tokio::test]
async fn a_client_gets_the_form_and_the_packing_it_asks_for() {
    let (plimsoll, _) = instance(|builder| builder);
    let address = serve(plimsoll.status_router()).await;
    let (head, body) = page(address, "GET", OPEN).await;
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(body.ends_with(b"# EOF\n"));
    let (head, body) = page(address, "GET", "accept-encoding: gzip\r\n").await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains("plimsoll_build_info{"), "{text}");
    assert!(!text.contains("# EOF"), "{text}");
    let (head, body) = page(address, "HEAD", OPEN).await;
    assert!(
        head.starts_with("HTTP/1.1 200") && body.is_empty(),
        "{head}"
    );
}

#[tokio::test]
async fn a_route_method_and_status_have_at_most_twenty_series() {
    let (plimsoll, lines) = instance(|builder| builder);
    let app = Router::new().route("/", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    get(address, "/").await;
    lines.requests(1).await;
    let page = Page::read(&plimsoll.telemetry().render());
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let route = own("http_route", "/");
    let (mut with_status, mut counts, mut heads) = (0, 0, 0);
    for sample in page.0.iter().filter(|it| it.labels.contains(&route)) {
        if sample
            .labels
            .contains(&own("http_response_status_code", "200"))
        {
            with_status += 1;
        } else if sample.name == "plimsoll_requests_total" {
            counts += 1;
        } else {
            heads += 1;
        }
    }
    // The status has a histogram and a count; the route has, once, the time to
    // its head, and a count of faults that stands at 0.
    assert_eq!((with_status, counts, heads), (17, 2, 17));
    assert!(with_status + counts <= 20);
}

#[tokio::test]
async fn exemplars_stand_in_open_metrics_only_and_only_for_traces_that_are_kept() {
    for ratio in [1.0, 0.0] {
        let collector = Collector::start(Behaviour::Healthy).await;
        let (plimsoll, lines) = instance(|builder| {
            builder.telemetry(|it| it.otlp(collector.endpoint()).sample_ratio(ratio))
        });
        let recorder = plimsoll.telemetry().recorder();
        let app = Router::new().route(
            "/",
            on_get(async move || {
                metrics::with_local_recorder(&recorder, || {
                    metrics::histogram!("basket_value").record(0.2);
                });
            }),
        );
        let address = serve(app.layer(plimsoll.layer())).await;
        let of_status = serve(plimsoll.status_router()).await;
        get(address, "/").await;
        let line = lines.requests(1).await.pop().unwrap();
        let trace = format!(" # {{trace_id={}", line["trace_id"]);
        let (_, open) = page(of_status, "GET", OPEN).await;
        let (_, text) = page(of_status, "GET", "").await;
        let open = String::from_utf8(open).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("trace_id="), "{text}");
        for name in [
            "plimsoll_requests_total{",
            "http_server_request_duration_seconds_bucket{",
            "plimsoll_time_to_head_seconds_bucket{",
            "basket_value_bucket{",
        ] {
            let shown = open
                .lines()
                .any(|line| line.starts_with(name) && line.contains(&trace));
            assert_eq!(shown, ratio > 0.5, "{name}{trace} in {open}");
        }
    }
}

#[tokio::test]
async fn whoever_fills_the_page_is_named_on_the_control_listener() {
    let (plimsoll, _) = instance(|builder| {
        builder.env(|| vec![("PLIMSOLL_METRICS_SERIES_PER_METRIC".into(), "30".into())])
    });
    metrics::with_local_recorder(&plimsoll.telemetry().recorder(), || {
        for user in 0..100 {
            metrics::counter!("logins_total", "user" => user.to_string()).increment(1);
        }
    });
    let control = serve(plimsoll.control_router()).await;
    let request = "GET /series HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    let answer = raw(control, request.as_bytes()).await;
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let largest: serde_json::Value = serde_json::from_str(body).unwrap();
    let first = &largest["largest"][0];
    assert_eq!(
        (&first["metric"], &first["label"], &first["folded"]),
        (&"logins_total".into(), &"user".into(), &70.into()),
        "{body}"
    );
}

#[tokio::test]
async fn the_names_of_axum_prometheus_are_written_when_asked_for() {
    let (plimsoll, lines) = instance(|builder| {
        builder.env(|| vec![("PLIMSOLL_ALIASES".into(), "axum-prometheus".into())])
    });
    let app = Router::new().route("/cards/{id}", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    get(address, "/cards/7").await;
    get(address, "/none").await;
    lines.requests(2).await;
    let text = plimsoll.telemetry().render();
    for line in [
        "axum_http_requests_total{method=\"GET\",status=\"200\",endpoint=\"/cards/{id}\"} 1\n",
        "axum_http_requests_pending{method=\"GET\",endpoint=\"/cards/{id}\"} 0\n",
        "axum_http_requests_duration_seconds_bucket{method=\"GET\",status=\"200\",endpoint=\"/cards/{id}\",le=\"10\"} 1\n",
        "axum_http_requests_total{method=\"GET\",status=\"404\",endpoint=\"unmatched\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let page = Page::read(&text);
    let buckets = page.find(
        "axum_http_requests_duration_seconds_bucket",
        &[("status", "200")],
    );
    assert_eq!(buckets.len(), 12);
}

#[tokio::test]
async fn sizes_are_measured_when_asked_for() {
    let (plimsoll, lines) =
        instance(|builder| builder.env(|| vec![("PLIMSOLL_METRICS_SIZES".into(), "true".into())]));
    let app = Router::new().route("/", on_get(async || "x".repeat(5_000)));
    let address = serve(app.layer(plimsoll.layer())).await;
    get(address, "/").await;
    lines.requests(1).await;
    let text = plimsoll.telemetry().render();
    let sum = metric(&text, "http_server_response_body_size_bytes_sum", &["200"]);
    assert_eq!(sum as u64, 5_000, "{text}");
    let above = "http_server_response_body_size_bytes_bucket";
    assert_eq!(metric(&text, above, &["le=\"4096\""]) as u64, 0, "{text}");
    assert_eq!(metric(&text, above, &["le=\"16384\""]) as u64, 1, "{text}");
}

/// What a reader of `OpenMetrics` that is not ours makes of a page: how many
/// families, samples and exemplars; or its complaint.
fn read_by_others(page: &str) -> String {
    let tools = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/tools/bin/python3"
    );
    let script = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        families = list(read(sys.stdin.read()))\n\
        samples = [sample for family in families for sample in family.samples]\n\
        print(len(families), len(samples), sum(1 for it in samples if it.exemplar))";
    let mut python = Command::new(tools)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{tools}: {error}: run `make tools`"));
    let mut input = python.stdin.take().unwrap();
    input.write_all(page.as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{complaint}\n{page}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn another_reader_of_open_metrics_finds_no_fault_in_the_page() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let host = || {
        "# TYPE theirs counter\ntheirs{a=\"}\"} 1\n# TYPE took summary\ntook{quantile=\"0.5\"} 1\ntook_sum 1\ntook_count 1\n"
            .to_owned()
    };
    let (plimsoll, lines) = instance(|builder| {
        builder.metrics(Ownership::Join).telemetry(|it| {
            it.otlp(collector.endpoint())
                .host_metrics(host)
                .metrics_sizes(true)
                .metrics_alias(plimsoll::metrics::Alias::AxumPrometheus)
        })
    });
    let app = Router::new().route("/", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    get(address, "/").await;
    get(address, "/none").await;
    lines.requests(2).await;
    metrics::with_local_recorder(&plimsoll.telemetry().recorder(), || {
        metrics::counter!("orders", "kind" => "a\"b\\c\nd").increment(1);
        metrics::counter!("orders.placed_total").increment(1);
        metrics::gauge!("orders_placed").set(f64::NAN);
        metrics::gauge!("level").set(f64::NEG_INFINITY);
        metrics::describe_histogram!("wait", "Time\nto \"wait\" \\");
        metrics::histogram!("wait").record(1e-9);
    });
    let page = plimsoll.telemetry().render_as(Exposition::OpenMetrics);
    let read = read_by_others(&page);
    let counts: Vec<usize> = read
        .split_whitespace()
        .map(|count| count.parse().unwrap())
        .collect();
    let samples = page.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(counts[1], samples, "{page}");
    assert!(counts[2] >= 8, "{read}: {page}");
    for line in ["theirs_total{a=\"}\"} 1\n", "took{quantile=\"0.5\"} 1\n"] {
        assert!(page.contains(line), "{line} in {page}");
    }
}

#[tokio::test]
async fn a_page_is_written_in_the_same_order_every_time() {
    let (plimsoll, _) = instance(|builder| builder);
    metrics::with_local_recorder(&plimsoll.telemetry().recorder(), || {
        for name in ["zebra", "ant", "bee"] {
            metrics::gauge!(name, "b" => "1", "a" => "2").set(1.0);
        }
    });
    let names = |page: String| -> Vec<String> {
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    let first = names(plimsoll.telemetry().render());
    for _ in 0..5 {
        assert_eq!(names(plimsoll.telemetry().render()), first);
    }
    let position = |name: &str| first.iter().position(|line| line.starts_with(name));
    assert!(position("ant") < position("bee") && position("bee") < position("zebra"));
}
