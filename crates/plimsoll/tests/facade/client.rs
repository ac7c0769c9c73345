//! Outgoing calls, and work in other tasks, stand in the request's trace.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use plimsoll::{Plimsoll, client};
use plimsoll_testkit::otlp::{Behaviour, Collector, attribute, hex};
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _};

use crate::support::{get, instance, metric, serve, shut};

const NOBODY: &str = "http://127.0.0.1:9/v1/traces";

#[tokio::test]
async fn work_in_a_spawned_task_keeps_the_trace_sampled_or_not() {
    for ratio in [0.0, 1.0] {
        let (plimsoll, lines) = instance(|builder| {
            builder.telemetry(|telemetry| telemetry.otlp(NOBODY).sample_ratio(ratio))
        });
        let seen = async || {
            let work = plimsoll::carry(async {
                tokio::task::yield_now().await;
                let context = Context::current();
                let trace = context.span().span_context().trace_id();
                let ids = plimsoll::current().unwrap();
                format!("{} {trace}", ids.request_id)
            });
            let seen = tokio::spawn(work).await.unwrap();
            let after = Context::current();
            assert!(after.has_active_span(), "the request's own context is back");
            seen
        };
        let app = Router::new().route("/", on_get(seen));
        let address = serve(app.layer(plimsoll.layer())).await;
        let answer = get(address, "/").await;
        let line = lines.requests(1).await.pop().unwrap();
        let text = |key: &str| line[key].as_str().unwrap();
        let expected = format!("{} {}", text("request_id"), text("trace_id"));
        assert!(answer.ends_with(&expected), "{ratio} {answer} {line}");
    }
}

/// A service that answers with what it was sent.
async fn downstream() -> SocketAddr {
    let told = async |headers: HeaderMap| {
        let told = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
        axum::Json(told.collect::<BTreeMap<String, String>>())
    };
    let missing = async || http::StatusCode::NOT_FOUND;
    let app = Router::new()
        .route("/cards/{id}", on_get(told))
        .route("/missing", on_get(missing))
        .route("/never", on_get(std::future::pending::<()>));
    serve(app).await
}

type Http = Client<HttpConnector, Full<Bytes>>;

fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

fn to(address: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    let request = Request::get(format!("http://user:pass@{address}{path}"));
    request.body(Full::default()).unwrap()
}

/// What the other service was sent.
async fn sent(response: Response<client::ResponseBody<hyper::body::Incoming>>) -> Value {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

/// Answers with the JSON that `handler` makes.
async fn answering<F>(
    plimsoll: &Plimsoll,
    handler: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = Value> + Send + 'static,
{
    let app = Router::new().route("/", on_get(move || handler().map(axum::Json)));
    serve(app.layer(plimsoll.layer())).await
}

async fn asked(address: SocketAddr) -> Value {
    let answer = plimsoll_testkit::http::get(address, "/").await;
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn a_call_is_a_client_span_within_the_requests_and_the_parent_of_what_it_calls() {
    let collector = Collector::start(Behaviour::Healthy).await;
    let (plimsoll, lines) =
        instance(|builder| builder.telemetry(|it| it.otlp(collector.endpoint())));
    let other = downstream().await;
    let client = plimsoll.client().layer(http());
    let handler = move || {
        let client = client.clone();
        async move {
            let mut request = to(other, "/cards/7?token=secret");
            let extensions = request.extensions_mut();
            extensions.insert(client::UrlTemplate("/cards/{id}"));
            extensions.insert(client::Resend(1));
            sent(client.oneshot(request).await.unwrap()).await
        }
    };
    let address = answering(&plimsoll, handler).await;
    let told = asked(address).await;
    let line = lines.requests(1).await.pop().unwrap();
    assert_eq!(
        (&line["calls"], &line["calls_failed"]),
        (&1.into(), &0.into())
    );
    assert!(line["calls_ms"].as_f64().unwrap() > 0.0, "{line}");
    let report = shut(plimsoll.clone(), Duration::from_secs(10)).await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let spans = collector.wait_for(2).await;
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (server, call) = (of("GET /"), of("GET /cards/{id}"));
    assert_eq!(call.parent_span_id, server.span_id);
    assert_eq!(call.trace_id, server.trace_id);
    let parent = format!("00-{}-{}-01", hex(&call.trace_id), hex(&call.span_id));
    assert_eq!(told["traceparent"], parent, "{told}");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("server.address", "127.0.0.1"),
        ("server.port", &other.port().to_string()),
        (
            "url.full",
            &format!("http://{other}/cards/7?token=REDACTED"),
        ),
        ("url.template", "/cards/{id}"),
        ("http.request.resend_count", "1"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(attribute(call, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(call, "error.type"), None);
    let page = plimsoll.telemetry().render();
    let port = format!("server_port=\"{}\"", other.port());
    let labels = [port.as_str(), "http_response_status_code=\"200\""];
    let count = metric(&page, "http_client_request_duration_seconds_count", &labels);
    assert_eq!(count as u64, 1, "{page}");
}

#[tokio::test]
async fn an_unsampled_call_carries_the_requests_ids_and_a_failed_one_is_an_error() {
    for ratio in [0.0, 1.0] {
        let collector = Collector::start(Behaviour::Healthy).await;
        let (plimsoll, lines) = instance(|builder| {
            builder.telemetry(|it| it.otlp(collector.endpoint()).sample_ratio(ratio))
        });
        let other = downstream().await;
        let client = plimsoll.client().layer(http());
        let handler = move || {
            let client = client.clone();
            async move {
                let missing = client.clone().oneshot(to(other, "/missing"));
                assert_eq!(missing.await.unwrap().status(), 404);
                // In another task, as its own request would be.
                let call = plimsoll::carry(client.oneshot(to(other, "/cards/1")));
                sent(tokio::spawn(call).await.unwrap().unwrap()).await
            }
        };
        let address = answering(&plimsoll, handler).await;
        let told = asked(address).await;
        let line = lines.requests(1).await.pop().unwrap();
        let parent = told["traceparent"].as_str().unwrap();
        assert!(
            parent.contains(line["trace_id"].as_str().unwrap()),
            "{told}"
        );
        assert_eq!(parent.ends_with("-01"), ratio > 0.0, "{told}");
        assert!(told.get("x-request-id").is_none(), "{told}");
        shut(plimsoll, Duration::from_secs(10)).await;
        let spans = collector.spans();
        assert_eq!(spans.len(), if ratio > 0.0 { 3 } else { 0 }, "{spans:?}");
        for span in spans.iter().filter(|span| span.name == "GET") {
            let status = attribute(span, "http.response.status_code").unwrap();
            let failed = span.status.as_ref().is_some_and(|status| status.code == 2);
            assert_eq!(failed, status == "404", "{span:?}");
            let error = attribute(span, "error.type");
            assert_eq!(error.as_deref(), failed.then_some("404"));
        }
    }
}

#[tokio::test]
async fn what_the_caller_set_stays_unless_told_and_the_id_goes_where_it_may() {
    const THEIRS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    for overwrite in [false, true] {
        let (plimsoll, lines) = instance(|builder| builder.telemetry(|it| it.otlp(NOBODY)));
        let other = downstream().await;
        let mut layer = plimsoll.client().forward_request_id_to(["127.0.0.1"]);
        if overwrite {
            layer = layer.overwrite_headers();
        }
        let client = layer.layer(http());
        let handler = move || {
            let client = client.clone();
            async move {
                let mut request = to(other, "/cards/1");
                let theirs = HeaderValue::from_static(THEIRS);
                request.headers_mut().insert("traceparent", theirs);
                sent(client.oneshot(request).await.unwrap()).await
            }
        };
        let address = answering(&plimsoll, handler).await;
        let told = asked(address).await;
        let line = lines.requests(1).await.pop().unwrap();
        assert_eq!(told["traceparent"] == THEIRS, !overwrite, "{told}");
        assert_eq!(told["x-request-id"], line["request_id"], "{told}");
    }
}

#[tokio::test]
async fn refused_timed_out_and_abandoned_calls_are_told_apart_and_stand_on_the_line() {
    let (plimsoll, lines) = instance(|builder| builder);
    let other = downstream().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = nobody.local_addr().unwrap();
    drop(nobody);
    let plain = plimsoll.client().layer(http());
    let timed = tower::ServiceBuilder::new()
        .layer(plimsoll.client().boxed_errors())
        .timeout(Duration::from_millis(20))
        .service(http());
    let handler = move || {
        let (plain, timed) = (plain.clone(), timed.clone());
        async move {
            assert!(plain.clone().oneshot(to(dead, "/")).await.is_err());
            assert!(timed.oneshot(to(other, "/never")).await.is_err());
            let short = Duration::from_millis(20);
            let abandoned = plain.oneshot(to(other, "/never"));
            assert!(tokio::time::timeout(short, abandoned).await.is_err());
            Value::Null
        }
    };
    let address = answering(&plimsoll, handler).await;
    asked(address).await;
    let line = lines.requests(1).await.pop().unwrap();
    assert_eq!(
        (&line["calls"], &line["calls_failed"]),
        (&3.into(), &3.into())
    );
    let calls = line["calls_ms"].as_f64().unwrap();
    assert!(
        calls >= 40.0 && calls <= line["duration_ms"].as_f64().unwrap(),
        "{line}"
    );
    let page = plimsoll.telemetry().render();
    for error in ["connection_refused", "timeout", "cancelled"] {
        let name = "http_client_request_duration_seconds_count";
        let label = format!("error_type=\"{error}\"");
        assert_eq!(metric(&page, name, &[&label]) as u64, 1, "{error} {page}");
    }
    let active = metric(&page, "http_client_active_requests", &[]);
    assert_eq!(active as u64, 0, "{page}");
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn reqwests_client_carries_the_trace() {
    let (plimsoll, lines) = instance(|builder| builder.telemetry(|it| it.otlp(NOBODY)));
    let other = downstream().await;
    let client = plimsoll.client().layer(client::Reqwest::default());
    let handler = move || {
        let client = client.clone();
        async move {
            let request = Request::get(format!("http://{other}/cards/1")).body(String::new());
            let response = client.oneshot(request.unwrap()).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            serde_json::from_slice(&body).unwrap()
        }
    };
    let address = answering(&plimsoll, handler).await;
    let told: Value = asked(address).await;
    let line = lines.requests(1).await.pop().unwrap();
    let parent = told["traceparent"].as_str().unwrap();
    assert!(
        parent.contains(line["trace_id"].as_str().unwrap()),
        "{told}"
    );
}
