//! Routes that need a dependency, while others do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use plimsoll::{Check, Mode, Part};
use plimsoll_testkit::wait::until_told;

use crate::support::{get, instance, metric, serve, status};

#[tokio::test]
async fn only_the_routes_that_need_it_are_refused_while_a_dependency_is_down() {
    let down = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&down);
    let bank = Check::new("bank", move || {
        let down = switch.load(Ordering::Relaxed);
        async move {
            if down {
                Err("no route to host")
            } else {
                Ok(())
            }
        }
    });
    let bank = bank.every(Duration::from_millis(5)).needed_by(["/pay/*"]);
    let (plimsoll, _) = instance(|builder| builder.readiness(bank));
    let app = Router::new()
        .route("/pay/{id}", route(async || "paid"))
        .route("/cards", route(async || "cards"));
    let address = serve(app.layer(plimsoll.layer())).await;
    let probes = serve(plimsoll.status_router()).await;
    let running = plimsoll.health().start().unwrap();

    let refused = until_told("the refusal", async || {
        let answer = get(address, "/pay/7").await;
        (status(&answer) == 503).then_some(answer)
    })
    .await;
    assert!(refused.contains("\"code\":\"PLM-3030\""), "{refused}");
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    assert!(!refused.contains("no route to host"), "{refused}");
    assert_eq!(status(&get(address, "/cards").await), 200);
    assert_eq!(status(&get(probes, "/readyz").await), 200);

    plimsoll.rollout().set(Part::Need, Mode::Observe);
    assert_eq!(status(&get(address, "/pay/7").await), 200);
    plimsoll.rollout().set(Part::Need, Mode::Enforce);
    down.store(false, Ordering::Relaxed);
    until_told("the return", async || {
        (status(&get(address, "/pay/7").await) == 200).then_some(())
    })
    .await;

    let page = get(probes, "/metrics").await;
    let bad = [
        "http_route=\"/pay/{id}\"",
        "error_code=\"PLM-3030\"",
        "blame=\"dependency\"",
    ];
    assert!(
        metric(&page, "plimsoll_requests_total", &bad) >= 1.0,
        "{page}"
    );
    let flaps = metric(
        &page,
        "plimsoll_health_check_flaps_total",
        &["check=\"bank\""],
    );
    assert!(flaps >= 1.0, "{flaps}");
    let (history, _) = plimsoll.health().history();
    let why = history[0].why.as_deref();
    assert_eq!(
        (history[0].name.as_str(), why),
        ("bank", Some("no route to host"))
    );
    drop(running);
}
