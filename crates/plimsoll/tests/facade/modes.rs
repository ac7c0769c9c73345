use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get as on_get;
use plimsoll::{Limit, Mode, Part, Plimsoll, Quota};

use crate::support::{get, instance, raw, serve, status};

fn app() -> Router {
    Router::new()
        .route(
            "/",
            on_get(async || "ok").post(async |body: Bytes| body.len().to_string()),
        )
        .route(
            "/slow",
            on_get(async || {
                tokio::time::sleep(Duration::from_millis(60)).await;
                "slow"
            }),
        )
}

fn strict(mode: Mode) -> Plimsoll {
    let quota = Quota::per_hour(1).burst(1);
    let (plimsoll, _) = instance(|builder| {
        builder
            .limit(Limit::per_client().quota(quota))
            .timeout(Duration::from_millis(10))
            .mode_of_all(mode)
    });
    plimsoll
}

/// Head lines in order, without what differs from answer to answer, and the body.
fn essence(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head
        .lines()
        .filter(|line| !line.starts_with("date: ") && !line.starts_with("x-request-id: "))
        .collect();
    lines.sort_unstable();
    format!("{}\n\n{body}", lines.join("\n"))
}

#[tokio::test]
async fn observe_and_off_change_nothing_but_the_request_id() {
    let bare = serve(app()).await;
    for mode in [Mode::Observe, Mode::Off] {
        let plimsoll = strict(mode);
        let layered = serve(app().layer(plimsoll.layer())).await;
        for path in ["/", "/slow", "/nowhere", "/"] {
            let (with, without) = (get(layered, path).await, get(bare, path).await);
            assert_eq!(essence(&with), essence(&without), "{mode} {path}");
        }
        let counts = plimsoll.rollout().counts();
        let of = |part, route| {
            let found = counts
                .iter()
                .find(|row| row.part == part && row.route == route);
            found.map_or(0, |row| row.count)
        };
        let expected = u64::from(mode == Mode::Observe);
        assert_eq!(of(Part::Limit, "/"), expected, "{counts:?}");
        assert_eq!(of(Part::Timeout, "/slow"), expected, "{counts:?}");
        assert_eq!(of(Part::Shape, "unmatched"), expected, "{counts:?}");
    }
}

#[tokio::test]
async fn one_control_call_switches_a_part() {
    let plimsoll = strict(Mode::Observe);
    let app = serve(app().layer(plimsoll.layer())).await;
    let control = serve(plimsoll.control_router()).await;
    assert_eq!(status(&get(app, "/nowhere").await), 404);
    assert_eq!(status(&get(app, "/").await), 200);
    let body = r#"{"limit":"enforce"}"#;
    let put = |kind: &str, host: &str, body: &str| {
        format!(
            "PUT /rollout HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    for (request, code) in [
        (put("text/plain", "localhost", body), 415),
        (put("application/json", "evil.example", body), 403),
        (
            put("application/json", "localhost", r#"{"limit":"on"}"#),
            400,
        ),
    ] {
        assert_eq!(status(&raw(control, &request).await), code);
        assert_eq!(plimsoll.rollout().mode(Part::Limit), Mode::Observe);
    }
    let answer = raw(control, &put("application/json", "localhost", body)).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let refused = get(app, "/").await;
    assert_eq!(status(&refused), 429, "{refused}");
    for part in ["retry-after: ", "ratelimit: ", "ratelimit-policy: ", "PLM-"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[tokio::test]
async fn modes_come_from_the_environment_and_faults_in_it_only_warn() {
    let env = || {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            pair("PLIMSOLL_MODE", "limit=off,shape=observe"),
            pair("PLIMSOLL_TIMOUT", "2s"),
            pair("PLIMSOLL_CONCURRENCY", "many"),
            pair("PLIMSOLL_DRAIN", "1h"),
        ]
    };
    let (plimsoll, _) = instance(|builder| builder.env(env));
    assert_eq!(plimsoll.rollout().mode(Part::Limit), Mode::Off);
    assert_eq!(plimsoll.rollout().mode(Part::Shape), Mode::Observe);
    assert_eq!(plimsoll.rollout().mode(Part::Drain), Mode::Enforce);
    let page = plimsoll.telemetry().render();
    for setting in [
        "PLIMSOLL_TIMOUT",
        "PLIMSOLL_CONCURRENCY",
        "wait, drain, flush, grace",
    ] {
        let row = format!("plimsoll_config_warnings_total{{setting=\"{setting}\"}} 1");
        assert!(page.contains(&row), "{page}");
    }
}
