//! The end of telemetry, without a server and after its runtime.

use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use http::StatusCode;
use plimsoll::Plimsoll;
use plimsoll_testkit::sentry::Behaviour;
use plimsoll_testkit::signals::Receivers;

use crate::support::{get, instance, serve};

async fn fail(plimsoll: &Plimsoll, count: usize) {
    let app = Router::new().route("/", on_get(async || StatusCode::INTERNAL_SERVER_ERROR));
    let address = serve(app.layer(plimsoll.layer())).await;
    for _ in 0..count {
        get(address, "/").await;
    }
}

async fn start() -> (Plimsoll, Receivers) {
    let receivers = Receivers::start().await;
    let (plimsoll, _) = instance(|builder| builder.telemetry(|it| receivers.receive(it)));
    (plimsoll, receivers)
}

#[test]
fn a_shutdown_after_the_runtime_is_gone_delivers_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (plimsoll, receivers) = runtime.block_on(async {
        let started = start().await;
        fail(&started.0, 3).await;
        started
    });
    drop(runtime);
    let report = plimsoll.shutdown(Duration::from_secs(10));
    assert!(report.holds() && report.lost() == 0, "{report}");
    assert_eq!(receivers.collector.span_count(), 3);
    if cfg!(feature = "sentry") {
        assert_eq!(receivers.sentry.events().len(), 3);
    }
    // Ended twice is ended once; what comes later is counted as lost.
    plimsoll.telemetry().say("late", &[]);
    let again = plimsoll.shutdown(Duration::from_secs(10));
    assert!(again.holds() && again.lost() > 0, "{again}");
}

#[tokio::test]
async fn all_signals_share_one_deadline_and_haste_ends_the_wait_for_all_of_them() {
    let (plimsoll, receivers) = start().await;
    receivers.collector.turn(Behaviour::Hanging).await;
    receivers.sentry.turn(Behaviour::Hanging).await;
    fail(&plimsoll, 3).await;
    let ending = plimsoll.clone();
    let begun = std::time::Instant::now();
    let ending = tokio::task::spawn_blocking(move || ending.shutdown(Duration::from_mins(1)));
    plimsoll_testkit::wait::until("an export", || {
        (receivers.collector.exports() > 0).then_some(())
    })
    .await;
    plimsoll.telemetry().hurry();
    let report = ending.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(report.holds(), "{report}");
    let page = receivers.lines.text();
    let told = page.lines().last().unwrap();
    assert!(told.contains(r#""message":"ledger""#), "{told}");
}
