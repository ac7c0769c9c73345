//! The flight recorder: what a request did is told if it ended badly.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::StatusCode;
use plimsoll::{Builder, Format, Plimsoll};
use plimsoll_testkit::capture::Lines;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{get, instance, metric, serve, status};

async fn noisy(path: &'static str) {
    let work = async {
        tracing::info!(path, "begun");
        tracing::debug!(count = 7_u64, share = 0.5, name = %"x", list = ?[1, 2], "loading");
        tracing::debug!(target: "hyper::proto", "a frame");
        tracing::trace!(card = 8, trace_id = "mine", "deep {}", "down");
    };
    work.instrument(tracing::info_span!("load", card = 7, user = "u\"1"))
        .await;
}

fn app() -> Router {
    Router::new()
        .route("/well", on_get(async || noisy("/well").await))
        .route(
            "/fault",
            on_get(async || {
                noisy("/fault").await;
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route(
            "/panic",
            on_get(async || {
                noisy("/panic").await;
                assert_eq!(status(""), 200, "a handler's own mistake");
            }),
        )
        .route(
            "/hang",
            on_get(async || {
                noisy("/hang").await;
                std::future::pending::<()>().await;
            }),
        )
        .route(
            "/endless",
            on_get(async || {
                noisy("/endless").await;
                Body::from_stream(futures_util::stream::repeat_with(|| {
                    Ok::<_, std::io::Error>(vec![0_u8; 1 << 16])
                }))
            }),
        )
}

fn recorded(change: impl FnOnce(Builder) -> Builder) -> (Plimsoll, Lines, impl Drop) {
    let (plimsoll, lines) = instance(change);
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let guard = tracing::subscriber::set_default(subscriber);
    (plimsoll, lines, guard)
}

/// The lines about a request but its own, in order.
fn about(lines: &Lines, request: &Value) -> Vec<Value> {
    let mut all = lines.all();
    all.retain(|line| line["request_id"] == request["request_id"] && line != request);
    all
}

fn messages(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn quiet_events_are_written_in_order_when_a_request_ends_badly_and_never_otherwise() {
    let (plimsoll, lines, _guard) = recorded(|it| it.timeout(Duration::from_millis(50)));
    let address = serve(app().layer(plimsoll.layer())).await;
    for path in ["/fault", "/panic", "/hang"] {
        get(address, path).await;
        let request = lines.request_to(path).await;
        let told = about(&lines, &request);
        assert_eq!(messages(&told), ["begun", "loading", "deep down"], "{path}");
        assert!(told[0].get("flight").is_none(), "{}", told[0]);
        let quiet = &told[1];
        assert_eq!(quiet["flight"], true);
        assert_eq!(quiet["level"], "DEBUG");
        assert_eq!(quiet["trace_id"], request["trace_id"]);
        assert_eq!((&quiet["count"], &quiet["share"]), (&7.into(), &0.5.into()));
        assert_eq!(
            (&quiet["name"], &quiet["list"]),
            (&"x".into(), &"[1, 2]".into())
        );
        assert_eq!(
            (&quiet["card"], &quiet["user"]),
            (&7.into(), &"u\"1".into())
        );
        assert_eq!(told[2]["card"], 8, "the event's own outranks its span's");
        assert_eq!(told[2]["field.trace_id"], "mine");
        assert!(told[1]["time"].as_str() < request["time"].as_str());
        assert!(told[0]["time"].as_str() <= told[1]["time"].as_str());
    }
    get(address, "/well").await;
    let request = lines.request_to("/well").await;
    assert_eq!(messages(&about(&lines, &request)), ["begun"]);
    let page = plimsoll.telemetry().render();
    assert_eq!(metric(&page, "plimsoll_flight_events_total", &[]) as u64, 6);
}

#[tokio::test]
async fn a_client_that_leaves_is_worth_telling_what_was_done_for_it() {
    let (plimsoll, lines, _guard) = recorded(|it| it);
    let address = serve(app().layer(plimsoll.layer())).await;
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    client.readable().await.unwrap();
    drop(client);
    let request = lines.request_to("/endless").await;
    assert_eq!(request["outcome"], "client_gone_mid_body");
    let told = about(&lines, &request);
    assert_eq!(messages(&told), ["begun", "loading", "deep down"]);
}

#[tokio::test]
async fn the_logs_own_filter_holds_for_everything_else() {
    let (plimsoll, lines, _guard) = recorded(|it| it.telemetry(|it| it.log_filter("warn")));
    let address = serve(app().layer(plimsoll.layer())).await;
    get(address, "/well").await;
    tracing::info!("outside");
    tracing::warn!("loud");
    get(address, "/fault").await;
    let request = lines.request_to("/fault").await;
    assert_eq!(
        messages(&about(&lines, &request)),
        ["begun", "loading", "deep down"]
    );
    let all = lines.all();
    let others: Vec<_> = all
        .iter()
        .filter(|line| line.get("flight").is_none())
        .collect();
    assert_eq!(others.len(), 2, "{others:?}");
    assert_eq!(others[0]["message"], "loud");
}

#[tokio::test]
async fn targets_bytes_and_lines_are_bounds_that_are_counted() {
    let noise = || async {
        for number in 0..100 {
            tracing::debug!(number, "step");
            tracing::debug!(target: "hyper::proto", number, "frame");
        }
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let (plimsoll, lines, _guard) = recorded(|it| {
        it.telemetry(|it| {
            let it = it.flight_bytes(1_024).flight_lines(10);
            it.flight_targets("info,hyper=debug")
        })
    });
    let address = serve(
        Router::new()
            .route("/", on_get(noise))
            .layer(plimsoll.layer()),
    )
    .await;
    get(address, "/").await;
    let request = lines.requests(1).await.pop().unwrap();
    let told = about(&lines, &request);
    let (first, last) = (&told[0], &told[told.len() - 1]);
    assert_eq!(
        (&first["message"], &first["number"]),
        (&"frame".into(), &0.into())
    );
    assert_eq!(
        (&last["message"], &last["number"]),
        (&"frame".into(), &99.into())
    );
    let gap = told
        .iter()
        .find(|line| line["left_out"].is_number())
        .unwrap();
    let left_out = gap["left_out"].as_u64().unwrap();
    assert_eq!(left_out + told.len() as u64 - 1, 100, "{told:?}");
    assert_eq!(gap["message"], format!("{left_out} events left out"));

    // The second is full: the next requests of it are counted, not written.
    for _ in 0..20 {
        get(address, "/").await;
    }
    let page = plimsoll.telemetry().render();
    let count = |name, labels: &[&str]| metric(&page, name, labels) as u64;
    let written = count("plimsoll_flight_events_total", &[]);
    let limited = count("plimsoll_flight_left_out_total", &["rate_limited"]);
    let no_room = count("plimsoll_flight_left_out_total", &["no_room"]);
    assert_eq!(written + limited + no_room, 21 * 100);
    assert!(limited > 0, "{page}");
}

struct Faulty;

impl std::fmt::Debug for Faulty {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("a Debug of the host's");
    }
}

#[tokio::test]
async fn a_debug_that_panics_harms_no_request() {
    let (plimsoll, _, _guard) = recorded(|it| it);
    let handler = async || {
        tracing::debug!(faulty = ?Faulty, "quiet");
        "fine"
    };
    let address = serve(
        Router::new()
            .route("/", on_get(handler))
            .layer(plimsoll.layer()),
    )
    .await;
    assert!(get(address, "/").await.ends_with("fine"));
    let page = plimsoll.telemetry().render();
    let panicked = metric(&page, "plimsoll_flight_left_out_total", &["panicked"]);
    assert_eq!(panicked as u64, 1, "{page}");
}

#[tokio::test]
async fn a_recorder_that_is_off_takes_nothing() {
    let (plimsoll, lines, _guard) = recorded(|it| it.telemetry(|it| it.flight(false)));
    let handler = async || {
        let on = tracing::enabled!(tracing::Level::DEBUG);
        (StatusCode::INTERNAL_SERVER_ERROR, on.to_string())
    };
    let address = serve(app().route("/", on_get(handler)).layer(plimsoll.layer())).await;
    assert!(get(address, "/").await.ends_with("false"));
    get(address, "/fault").await;
    let request = lines.request_to("/fault").await;
    assert_eq!(messages(&about(&lines, &request)), ["begun"]);
}

#[tokio::test]
async fn people_at_a_terminal_see_it_too() {
    let (plimsoll, lines, _guard) = recorded(|it| it.telemetry(|it| it.format(Format::Pretty)));
    let address = serve(app().layer(plimsoll.layer())).await;
    get(address, "/fault").await;
    plimsoll_testkit::wait::until("lines", || {
        let text = lines.text();
        let line = text.lines().find(|line| line.contains("loading"))?;
        assert!(
            line.contains(" flight ") && line.contains(" count=7"),
            "{line}"
        );
        Some(())
    })
    .await;
}
