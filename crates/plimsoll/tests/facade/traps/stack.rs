use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use plimsoll::{Key, Limit, Quota};
use tokio::sync::Semaphore;

use super::{told, watched};
use crate::support::{get, serve, status};

fn limited(builder: plimsoll::Builder) -> plimsoll::Builder {
    let quota = Quota::per_hour(1).burst(4);
    let limit = Limit::by(|_| Some(Key::Number(1)));
    builder
        .limit(limit.named("all").quota(quota))
        .concurrency(2)
        .timeout(Duration::from_secs(10))
}

#[tokio::test]
async fn of_two_layers_by_mistake_the_inner_takes_no_cell_and_no_record() {
    let (plimsoll, signals) = watched(limited).await;
    let app = Router::new().route("/", on_get(async || "ok"));
    let app = app.layer(plimsoll.layer()).layer(plimsoll.layer());
    let address = serve(app).await;
    for _ in 0..4 {
        assert_eq!(status(&get(address, "/").await), 200);
    }
    assert_eq!(status(&get(address, "/").await), 429, "the fifth of four");
    let warned = [("setting", "layer")];
    let warned = signals
        .page()
        .sum("plimsoll_config_warnings_total", &warned);
    assert_eq!(warned as u64, 1);
    let outcomes = ["success", "success", "success", "success", "refused"];
    told(&signals, &outcomes).await;
}

static GATE: Semaphore = Semaphore::const_new(0);

async fn gate() {
    if let Ok(permit) = GATE.acquire().await {
        permit.forget();
    }
}

#[tokio::test]
async fn of_two_layers_by_mistake_the_inner_takes_no_permit_and_counts_nothing_in_flight() {
    let (plimsoll, signals) = watched(limited).await;
    let app = Router::new().route("/", on_get(gate));
    let app = app.layer(plimsoll.layer()).layer(plimsoll.layer());
    let address = serve(app).await;
    // Two have room, if each takes one permit.
    let both = [
        tokio::spawn(get(address, "/")),
        tokio::spawn(get(address, "/")),
    ];
    plimsoll_testkit::wait::until("both in flight", || {
        (signals.report().requests.in_flight == 2).then_some(())
    })
    .await;
    assert_eq!(plimsoll.drain().in_flight(), 2);
    assert_eq!(status(&get(address, "/").await), 503, "a third has none");
    GATE.add_permits(2);
    for asked in both {
        assert_eq!(status(&asked.await.unwrap()), 200);
    }
    assert_eq!(plimsoll.drain().in_flight(), 0);
    told(&signals, &["refused", "success", "success"]).await;
}
