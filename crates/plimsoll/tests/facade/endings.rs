use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::{any, get as on_get};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;

use crate::support::{ask, get, instance, metric, raw, serve, status};

type Chunk = Result<Frame<Bytes>, std::io::Error>;

fn streamed(chunks: Vec<Chunk>) -> Body {
    Body::new(StreamBody::new(futures_util::stream::iter(chunks)))
}

#[expect(clippy::unnecessary_wraps, reason = "the item of a stream of chunks")]
fn data(text: &'static str) -> Chunk {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// Endless: a chunk every 10 ms.
fn endless() -> Body {
    let chunks = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((data("tick\n"), ()))
    });
    Body::new(StreamBody::new(chunks))
}

fn panicking() -> Body {
    let mut first = true;
    Body::new(StreamBody::new(futures_util::stream::poll_fn(move |_| {
        assert!(std::mem::take(&mut first), "in the body");
        std::task::Poll::Ready(Some(data("once")))
    })))
}

fn app() -> Router {
    let nested = Router::new().route("/{id}", on_get(async || "nested"));
    Router::new()
        .route("/ok", any(async || "ok"))
        .route("/empty", on_get(async || StatusCode::NO_CONTENT))
        .route("/same", on_get(async || StatusCode::NOT_MODIFIED))
        .route(
            "/declared",
            on_get(async || {
                // A length in the head, a body that doesn't know it.
                let body = streamed(vec![data("12"), data("345")]);
                ([(header::CONTENT_LENGTH, "5")], body).into_response()
            }),
        )
        .route(
            "/chunked",
            on_get(async || Response::new(streamed(vec![data("a"), data("b")]))),
        )
        .route(
            "/broken",
            on_get(async || {
                let error = std::io::Error::other("disk");
                Response::new(streamed(vec![data("a"), Err(error)]))
            }),
        )
        .route("/panic-body", on_get(async || Response::new(panicking())))
        .route(
            "/panic",
            on_get(async || -> &'static str { panic!("secret in a panic") }),
        )
        .route(
            "/slow",
            on_get(async || {
                tokio::time::sleep(Duration::from_hours(1)).await;
                "late"
            }),
        )
        .route("/endless", on_get(async || Response::new(endless())))
        .route(
            "/fail",
            on_get(async || (StatusCode::BAD_GATEWAY, "theirs")),
        )
        .nest("/nest", nested)
}

#[tokio::test]
async fn each_way_to_end_is_recorded_once_and_as_what_it_was() {
    let (plimsoll, lines) = instance(|builder| builder.timeout(Duration::from_millis(200)));
    let address = serve(app().layer(plimsoll.layer())).await;
    let rows = [
        ("GET", "/ok", 200, "success", "/ok", "good"),
        ("HEAD", "/ok", 200, "success", "/ok", "good"),
        ("BREW", "/ok", 200, "success", "/ok", "good"),
        ("GET", "/empty", 204, "success", "/empty", "good"),
        ("GET", "/same", 304, "success", "/same", "good"),
        ("GET", "/declared", 200, "success", "/declared", "good"),
        ("GET", "/chunked", 200, "success", "/chunked", "good"),
        ("GET", "/broken", 200, "body_error", "/broken", "bad"),
        ("GET", "/panic-body", 200, "panic", "/panic-body", "bad"),
        ("GET", "/panic", 500, "panic", "/panic", "bad"),
        ("GET", "/slow", 504, "timeout", "/slow", "bad"),
        ("GET", "/fail", 502, "fault", "/fail", "bad"),
        ("GET", "/nest/7", 200, "success", "/nest/{id}", "good"),
        (
            "GET",
            "/nowhere",
            404,
            "client_error",
            "unmatched",
            "excluded",
        ),
        (
            "POST",
            "/chunked",
            405,
            "client_error",
            "/chunked",
            "excluded",
        ),
    ];
    for (index, (method, path, code, outcome, route, slo)) in rows.into_iter().enumerate() {
        let answer = ask(address, method, path).await;
        // A body that fails at once takes the connection with it, head and all.
        let failing = matches!(path, "/broken" | "/panic-body");
        let got = status(&answer);
        assert!(
            got == code || failing && got == 0,
            "{method} {path}: {answer}"
        );
        assert!(!answer.contains("secret"), "{answer}");
        let line = lines.requests(index + 1).await.pop().unwrap();
        assert_eq!(line["outcome"], outcome, "{method} {path} {line}");
        assert_eq!(line["route"], route, "{line}");
        assert_eq!(line["slo"], slo, "{line}");
        // Every failure of ours has a code, one after the head too.
        let own = match path {
            "/broken" => Some("PLM-5004"),
            "/panic-body" | "/panic" => Some("PLM-5001"),
            "/slow" => Some("PLM-3004"),
            _ => None,
        };
        assert!(own.is_none() || line["code"].as_str() == own, "{line}");
        let known = if method == "BREW" { "_OTHER" } else { method };
        assert_eq!(line["method"], known, "{line}");
    }
    let report = plimsoll.telemetry().report();
    assert_eq!(report.requests.started, rows.len() as u64);
    assert!(report.holds(), "{report}");
    let page = plimsoll.telemetry().render();
    assert_eq!(
        metric(&page, "http_server_active_requests", &[]).to_string(),
        "0"
    );
    let finished = metric(&page, "plimsoll_requests_total", &[]);
    assert_eq!(finished as u64, rows.len() as u64);
}

#[tokio::test]
async fn failures_of_ours_are_problems_with_the_ids_of_the_log_line() {
    let (plimsoll, lines) = instance(|builder| builder);
    let address = serve(app().layer(plimsoll.layer())).await;
    for (index, path) in ["/nowhere", "/panic"].into_iter().enumerate() {
        let answer = get(address, path).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("application/problem+json"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        let line = lines.requests(index + 1).await.pop().unwrap();
        for key in ["trace_id", "request_id", "code", "ref"] {
            assert!(problem[key].is_string(), "{problem}");
            assert_eq!(problem[key], line[key], "{key}");
        }
        assert!(head.contains(line["request_id"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn hostile_headers_are_answered_and_never_logged_raw() {
    let (plimsoll, lines) = instance(|builder| builder);
    let address = serve(app().layer(plimsoll.layer())).await;
    let long = "x".repeat(32 * 1024);
    let rows = [
        ("x-request-id: evil\tid", 200),
        ("x-request-id: \u{e9}\u{e9}", 200),
        (&*format!("x-request-id: {long}"), 200),
        ("traceparent: 00-garbage", 200),
        ("traceparent: \u{1}", 400),
        ("content-type: application/grpc", 200),
    ];
    let mut logged = 0;
    for (header, code) in rows {
        let request =
            format!("GET /ok HTTP/1.1\r\nhost: test\r\n{header}\r\nconnection: close\r\n\r\n");
        let answer = raw(address, &request).await;
        assert_eq!(status(&answer), code, "{header:.60}");
        if code == 400 {
            continue;
        }
        logged += 1;
        let line = lines.requests(logged).await.pop().unwrap();
        assert_eq!(line["request_id"].as_str().unwrap().len(), 36, "{line}");
        assert_eq!(
            (&line["outcome"], &line["slo"]),
            (&"success".into(), &"good".into()),
            "{line}"
        );
    }
    let answer = get(address, "/nowhere/%ff%fe%0a%1b").await;
    assert_eq!(status(&answer), 404);
    assert!(!lines.text().contains('\u{1b}'));
}

#[tokio::test]
async fn work_given_to_a_task_keeps_the_ids() {
    let (plimsoll, lines) = instance(|builder| builder);
    let app = Router::new().route(
        "/",
        on_get(async || {
            let seen = tokio::spawn(plimsoll::carry(async { plimsoll::current() }))
                .await
                .unwrap();
            Ok::<_, Infallible>(seen.unwrap().request_id.to_string())
        }),
    );
    let address = serve(app.layer(plimsoll.layer())).await;
    let answer = get(address, "/").await;
    let line = lines.requests(1).await.pop().unwrap();
    assert!(
        answer.ends_with(line["request_id"].as_str().unwrap()),
        "{answer}"
    );
}
