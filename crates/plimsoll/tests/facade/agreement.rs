//! Log line, metric and span of one request say the same of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::{Request, Response};
use plimsoll::{Limit, Quota};
use plimsoll_testkit::body::{Script, Step};
use plimsoll_testkit::otlp::{Behaviour, Collector, attribute, hex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{get, instance, metric, serve, shut, until};

fn scripted(steps: &'static [Step]) -> axum::routing::MethodRouter {
    on_get(async move || Response::new(Body::new(Script::new(steps.to_vec()))))
}

/// Panics before there is a future.
fn panicking(_: Request<Body>) -> std::future::Ready<Result<Response<Body>, Infallible>> {
    panic!("in call")
}

fn app() -> Router {
    Router::new()
        .route("/success", on_get(async || "ok"))
        .route("/fault", on_get(async || http::StatusCode::BAD_GATEWAY))
        .route("/timeout", on_get(std::future::pending::<()>))
        .route("/panic", on_get(async || panic!("in the future") as ()))
        .route_service("/panic-in-call", tower::service_fn(panicking))
        .route("/panic-in-body", scripted(&[Step::Panic("in the body")]))
        .route(
            "/body-error",
            scripted(&[Step::Data("a"), Step::Fail("disk")]),
        )
        .route("/mid-body", scripted(&[Step::Data("a"), Step::Hang]))
        .route("/refused", on_get(async || "never"))
}

/// Everything but what `/refused` asks for is free.
fn limit() -> Limit {
    let costly = |parts: &http::request::Parts| {
        (parts.uri.path() == "/refused").then_some(plimsoll::Key::Number(1))
    };
    let quota = Quota::per_hour(1).burst(1);
    Limit::by(costly).named("test").quota(quota)
}

#[tokio::test]
async fn every_outcome_is_the_same_on_line_metric_and_span() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let (plimsoll, lines) = instance(|builder| {
        builder
            .timeout(Duration::from_millis(100))
            .limit(limit())
            .telemetry(|telemetry| telemetry.otlp(collector.endpoint()))
    });
    let address = serve(app().layer(plimsoll.layer())).await;
    // The first is let through and the second is not.
    let rows = [
        ("/success", "success"),
        ("/refused", "success"),
        ("/refused", "refused"),
        ("/fault", "fault"),
        ("/timeout", "timeout"),
        ("/panic", "panic"),
        ("/panic-in-call", "panic"),
        ("/panic-in-body", "panic"),
        ("/body-error", "body_error"),
        ("/nowhere", "client_error"),
        ("/mid-body", "client_gone_mid_body"),
    ];
    for (path, outcome) in rows {
        if outcome == "client_gone_mid_body" {
            leave_after_the_head(address, path).await;
        } else {
            get(address, path).await;
        }
    }
    let lines = lines.requests(rows.len()).await;
    let page = plimsoll.telemetry().render();
    let report = shut(plimsoll, Duration::from_secs(10)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let spans = collector.spans();
    assert_eq!(spans.len(), rows.len(), "one span a request");
    for (line, (path, outcome)) in lines.iter().zip(rows) {
        assert_eq!(
            (&line["path"], &line["outcome"]),
            (&path.into(), &outcome.into()),
            "{line}"
        );
        let of_line =
            |span: &&plimsoll_testkit::otlp::Span| hex(&span.trace_id) == line["trace_id"];
        let found: Vec<_> = spans.iter().filter(of_line).collect();
        assert_eq!(found.len(), 1, "{path}");
        assert_eq!(hex(&found[0].span_id), line["span_id"].as_str().unwrap());
        let said = |key| attribute(found[0], key).unwrap_or_default();
        let told = attribute(found[0], "plimsoll.outcome");
        assert_eq!(told.as_deref().unwrap_or("success"), outcome, "{path}");
        let told = said("client.address") == line["client"].as_str().unwrap();
        assert_eq!(told, outcome != "success", "{path}");
        assert_eq!(
            said("plimsoll.request_id"),
            line["request_id"].as_str().unwrap()
        );
        assert_eq!(
            said("http.response.status_code"),
            line["status"].to_string()
        );
        assert_eq!(
            said("plimsoll.error.code"),
            line["code"].as_str().unwrap_or(""),
            "{path}"
        );
        let failed = found[0]
            .status
            .as_ref()
            .is_some_and(|status| status.code == 2);
        // By the semantic conventions a span that was cut short says Error, whoever cut it.
        let cut = outcome == "client_gone_mid_body";
        assert_eq!(failed, cut || line["slo"] == "bad", "{path}");
        let alike = lines.iter().filter(|other| {
            ["outcome", "route"]
                .iter()
                .all(|key| other[key] == line[key])
        });
        let labels = ["route", "outcome", "slo"].map(|key| format!("{key}={}", line[key]));
        let labels = labels.each_ref().map(String::as_str);
        let counted = metric(&page, "plimsoll_requests_total", &labels);
        assert_eq!(counted as usize, alike.count(), "{path} {labels:?}");
    }
}

async fn leave_after_the_head(address: std::net::SocketAddr, path: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(stream.read(&mut [0; 256]).await.unwrap() > 0);
}

#[tokio::test]
async fn what_is_left_at_a_shutdown_is_told_apart_from_a_client_that_left() {
    let (plimsoll, lines) = instance(|builder| builder);
    let app = app().layer(plimsoll.layer());
    let call =
        tower::ServiceExt::oneshot(app, Request::get("/mid-body").body(Body::empty()).unwrap());
    let answer = call.await.unwrap();
    plimsoll.telemetry().abort_requests();
    drop(answer);
    let line = lines.requests(1).await.pop().unwrap();
    assert_eq!(
        (&line["outcome"], &line["slo"]),
        (&"shutdown_abort".into(), &"bad".into())
    );
}

#[tokio::test]
async fn a_collector_that_fails_or_keeps_nothing_is_counted_and_harms_no_request() {
    for behaviour in [Behaviour::Failing, Behaviour::Lying] {
        let collector = Collector::start(behaviour).await;
        let (plimsoll, lines) =
            instance(|builder| builder.telemetry(|telemetry| telemetry.otlp(collector.endpoint())));
        let address = serve(app().layer(plimsoll.layer())).await;
        for _ in 0..5 {
            assert!(get(address, "/success").await.ends_with("ok"));
        }
        lines.requests(5).await;
        let telemetry = plimsoll.telemetry().clone();
        let report = shut(plimsoll, Duration::from_secs(10)).await;
        let sent = until("export", || {
            Some(collector.exports()).filter(|count| *count > 0)
        });
        assert!(sent.await > 0);
        assert!(report.holds(), "{report}");
        let (_, traces) = report
            .signals
            .iter()
            .find(|(signal, _)| *signal == "traces")
            .unwrap();
        assert_eq!(
            (traces.produced, traces.delivered),
            (5, 0),
            "{behaviour:?} {report}"
        );
        let dropped = ["traces", "export_failed"];
        let page = telemetry.render();
        let lost = metric(&page, "plimsoll_telemetry_dropped_total", &dropped);
        assert_eq!(lost as u64, 5, "{page}");
    }
}
