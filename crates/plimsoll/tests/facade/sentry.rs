use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use http::StatusCode;
use plimsoll_testkit::sentry::{Behaviour, Sink};

use crate::support::{get, instance, serve, shut};

#[tokio::test]
async fn a_failure_of_ours_is_one_event_with_its_ids_and_nothing_else_is() {
    let sink = Sink::start(Behaviour::Healthy).await;
    let (plimsoll, lines) =
        instance(|builder| builder.telemetry(|telemetry| telemetry.sentry_dsn(sink.dsn())));
    let app = Router::new()
        .route("/ok", on_get(async || "ok"))
        .route("/theirs", on_get(async || StatusCode::BAD_REQUEST))
        .route(
            "/ours",
            on_get(async || -> StatusCode { panic!("token=s3cret") }),
        );
    let address = serve(app.layer(plimsoll.layer())).await;
    for path in ["/ok", "/theirs", "/ours"] {
        get(address, path).await;
    }
    let line = lines.requests(3).await.pop().unwrap();
    assert!(shut(plimsoll, Duration::from_secs(10)).await.holds());
    let events = sink.events();
    assert_eq!(events.len(), 1, "one failure, one event: {events:?}");
    for tag in [
        "trace_id",
        "request_id",
        "code",
        "route",
        "outcome",
        "blame",
    ] {
        assert_eq!(events[0]["tags"][tag], line[tag], "{tag} {line}");
    }
    let envelope = &sink.envelopes()[0].text;
    assert!(!envelope.contains("s3cret"), "{envelope}");
}
