//! Every way a request can fail, over real sockets, through the whole facade: one
//! shape, one code, the same in every signal, and nothing from inside.

mod app;
mod flood;
mod rows;
mod signals;

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use plimsoll::errors::{Problem, Shape};
use plimsoll::{Builder, Key, Limit, Plimsoll, Quota};
use serde_json::Value;

use self::app::{PLANTED, router};
use self::rows::{Row, rows};
use crate::support::{Lines, instance, metric, serve};

/// An answer whose body came whole.
type Answer = Response<bytes::Bytes>;

/// Only what `/limited` asks for is counted, and nothing of it is left.
fn limit() -> Limit {
    let costly =
        |parts: &http::request::Parts| (parts.uri.path() == "/limited").then_some(Key::Number(1));
    Limit::by(costly)
        .named("test")
        .quota(Quota::per_hour(1).burst(1))
}

fn service(change: impl FnOnce(Builder) -> Builder) -> (Plimsoll, Lines) {
    instance(|builder| {
        let builder = builder
            .timeout(Duration::from_millis(100))
            .limit(limit())
            .errors(|errors| errors.body_limit(Some(1_024)));
        change(builder)
    })
}

async fn send(address: SocketAddr, mut request: Request<Body>) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let uri = format!("http://{address}{}", request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, body)
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Status, media type, code, ids, and that nothing planted is in it.
fn judge(row: &Row, answer: &Answer) -> Value {
    let name = row.name;
    let text = format!("{answer:?}");
    assert_eq!(answer.status(), row.status, "{name}: {text}");
    let said = |header: &str| {
        let value = answer.headers().get(header);
        value.map(|value| value.to_str().unwrap())
    };
    assert_eq!(
        said("content-type"),
        Some("application/problem+json"),
        "{name}: {text}"
    );
    assert_eq!(said("cache-control"), Some("no-store"), "{name}: {text}");
    for (header, value) in row.headers {
        assert_eq!(said(header), Some(*value), "{name}: {text}");
    }
    for planted in PLANTED {
        assert!(!text.contains(planted), "{name}: {planted} in {text}");
    }
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem["code"], row.code, "{name}");
    assert_eq!(problem["status"], row.status, "{name}");
    assert_eq!(problem["type"], format!("/errors/{}", row.code), "{name}");
    assert_eq!(
        problem["request_id"].as_str(),
        said("x-request-id"),
        "{name}"
    );
    let instance = format!("urn:plimsoll:req:{}", said("x-request-id").unwrap());
    assert_eq!(problem["instance"], instance, "{name}");
    for key in ["title", "reason", "detail", "trace_id", "ref"] {
        let text = problem[key].as_str();
        assert!(
            text.is_some_and(|text| !text.is_empty()),
            "{name}: {key} in {problem}"
        );
    }
    assert_eq!(
        problem["retry"]["policy"] == "after",
        answer.headers().contains_key(header::RETRY_AFTER),
        "{name}: {text}"
    );
    problem
}

#[tokio::test]
async fn every_failure_has_one_shape_and_its_code_on_its_line() {
    let (plimsoll, lines) = service(|builder| builder.errors(|it| it.shape(Shape::All)));
    let address = serve(router().layer(plimsoll.layer())).await;
    // Takes the one request that the quota has.
    assert_eq!(send(address, get("/limited")).await.status(), 200);
    for row in rows() {
        let answer = send(address, (row.request)()).await;
        let problem = judge(&row, &answer);
        let of_it = |line: &Value| {
            line["request_id"] == problem["request_id"] && line["target"] == "plimsoll::access"
        };
        let line = lines.wait_for(row.name, of_it).await;
        for key in ["code", "ref", "trace_id"] {
            assert_eq!(line[key], problem[key], "{}", row.name);
        }
        assert_eq!(line["blame"], row.blame, "{}", row.name);
        let level = match row.blame {
            // The client's fault, but a refusal of ours: worth a look when it rises.
            "client" if row.status == 429 => "WARN",
            "client" => "INFO",
            "server" => "ERROR",
            _ => "WARN",
        };
        assert_eq!(line["level"], level, "{}", row.name);
        let cause = line["cause"].as_str().unwrap_or("");
        assert!(cause.contains(row.cause), "{}: {line}", row.name);
    }
}

/// A code, and how the one request for it is refused.
fn refused(code: &'static str, status: u16, blame: &'static str) -> Row {
    Row {
        name: code,
        status,
        code,
        blame,
        ..Row::default()
    }
}

#[tokio::test]
async fn what_is_over_capacity_and_what_comes_after_the_drain_have_it_too() {
    let (plimsoll, _) = service(|builder| builder.concurrency(1).timeout(Duration::from_mins(1)));
    let address = serve(router().layer(plimsoll.layer())).await;
    let first = tokio::spawn(send(address, get("/hangs")));
    crate::support::until("the only permit to be taken", || {
        let page = plimsoll.telemetry().render();
        (metric(&page, "plimsoll_concurrency_in_use", &[]) > 0.0).then_some(())
    })
    .await;
    judge(
        &refused("PLM-3002", 503, "capacity"),
        &send(address, get("/fine")).await,
    );
    first.abort();

    let (plimsoll, _) = service(|builder| builder);
    let address = serve(router().layer(plimsoll.layer())).await;
    plimsoll.drain().begin(Duration::ZERO);
    judge(
        &refused("PLM-3003", 503, "capacity"),
        &send(address, get("/fine")).await,
    );
}

#[tokio::test]
async fn head_is_answered_with_the_same_head_and_no_body() {
    let (plimsoll, _) = service(|builder| builder);
    let address = serve(router().layer(plimsoll.layer())).await;
    for path in ["/nowhere", "/store", "/panic", "/hangs", "/path/x"] {
        let (whole, mut ask) = (send(address, get(path)).await, get(path));
        *ask.method_mut() = http::Method::HEAD;
        let answer = send(address, ask).await;
        assert_eq!(answer.status(), whole.status(), "{path}");
        assert_eq!(
            answer.headers()["content-type"],
            "application/problem+json",
            "{path}"
        );
        assert!(answer.body().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn by_default_a_foreign_answer_passes_byte_for_byte() {
    let (plimsoll, _) = service(|builder| builder);
    let bare = serve(router()).await;
    let layered = serve(router().layer(plimsoll.layer())).await;
    for path in ["/foreign", "/own", "/empty"] {
        let without_ours = |mut answer: Answer| {
            answer.headers_mut().remove("x-request-id");
            answer.headers_mut().remove("date");
            (
                answer.status(),
                answer.headers().clone(),
                answer.into_body(),
            )
        };
        let (bare, layered) = (send(bare, get(path)).await, send(layered, get(path)).await);
        assert_eq!(without_ours(bare), without_ours(layered), "{path}");
    }
}

#[tokio::test]
async fn what_the_shape_leaves_is_counted_on_the_page_and_an_operator_may_widen_it() {
    let (plimsoll, _) =
        service(|builder| builder.env(|| vec![("PLIMSOLL_SHAPE".into(), "all".into())]));
    let address = serve(router().layer(plimsoll.layer())).await;
    assert_eq!(send(address, get("/own")).await.body(), "{\"own\":1}");
    assert_eq!(send(address, get("/passed")).await.body(), "origin");
    assert_eq!(
        send(address, get("/foreign")).await.headers()["content-type"],
        "application/problem+json"
    );
    let page = plimsoll.telemetry().render();
    for reason in ["reason=\"body\"", "reason=\"passthrough\""] {
        assert!(
            (metric(&page, "plimsoll_unshaped_total", &[reason]) - 1.0).abs() < 0.1,
            "{page}"
        );
    }
}

#[tokio::test]
async fn a_mapper_speaks_a_services_own_format_and_its_panics_are_counted() {
    fn old(problem: &Problem, asked: &http::request::Parts) -> Option<Response<bytes::Bytes>> {
        assert!(
            !asked.uri.path().starts_with("/store"),
            "a mapper that fails"
        );
        if asked.headers.contains_key("x-new") {
            return None;
        }
        let body = format!("{{\"error\":\"{}\"}}", problem.code.reason);
        let answer = Response::builder().status(problem.status);
        answer
            .header("content-type", "application/json")
            .body(body.into())
            .ok()
    }
    let (plimsoll, _) = service(|builder| builder.errors(|errors| errors.mapper(old)));
    let address = serve(router().layer(plimsoll.layer())).await;
    let answer = send(address, get("/nowhere")).await;
    assert_eq!(answer.body(), "{\"error\":\"ROUTE_NOT_FOUND\"}");
    let asked = Request::get("/nowhere")
        .header("x-new", "1")
        .body(Body::empty());
    let answer = send(address, asked.unwrap()).await;
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let answer = send(address, get("/store")).await;
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let page = plimsoll.telemetry().render();
    let panics = metric(&page, "plimsoll_error_mapper_panics_total", &[]);
    assert!((panics - 1.0).abs() < 0.1, "{panics}");
}
