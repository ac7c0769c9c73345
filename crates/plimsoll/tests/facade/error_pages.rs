//! The pages of the error codes beside a service's own routes.

use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use plimsoll::catalog;
use plimsoll::errors::Catalog;
use plimsoll::{Limit, Quota};
use serde_json::Value;

use crate::support::{get, instance, serve, status};

fn json(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn a_client_over_its_quota_can_read_why() {
    let quota = Quota::per_hour(1).burst(1);
    let (plimsoll, _) = instance(|builder| builder.limit(Limit::per_client().quota(quota)));
    let catalog = Catalog::of(&[]).unwrap();
    let app = Router::new()
        .route("/", on_get(async || "ok"))
        .merge(plimsoll.error_pages(&catalog))
        .layer(plimsoll.layer());
    let app = serve(app).await;
    assert_eq!(status(&get(app, "/").await), 200);
    let refused = get(app, "/").await;
    assert_eq!(status(&refused), 429);
    let leads_to = json(&refused)["type"].as_str().unwrap().to_owned();
    for path in [leads_to.as_str(), "/errors", &leads_to] {
        assert_eq!(status(&get(app, path).await), 200, "{path}");
    }
    assert_eq!(json(&get(app, &leads_to).await)["code"], "PLM-2001");
    assert_eq!(status(&get(app, "/errors/PLM-9999").await), 404);
    // Only these: what is under them and everything else is limited still.
    assert_eq!(status(&get(app, "/errors/PLM-2001/more").await), 429);
}

#[tokio::test]
async fn a_full_service_answers_its_pages_too() {
    let (plimsoll, _) = instance(|builder| builder.concurrency(1));
    let catalog = Catalog::of(&[]).unwrap();
    let slow = || async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        "late"
    };
    let app = Router::new()
        .route("/hold", on_get(slow))
        .merge(plimsoll.error_pages(&catalog))
        .layer(plimsoll.layer());
    let app = serve(app).await;
    let held = tokio::spawn(async move { get(app, "/hold").await });
    crate::support::until("a full service", || {
        plimsoll
            .telemetry()
            .report()
            .requests
            .in_flight
            .eq(&1)
            .then_some(())
    })
    .await;
    assert_eq!(status(&get(app, "/hold").await), 503);
    assert_eq!(status(&get(app, "/errors/PLM-3002").await), 200);
    held.abort();
}

#[tokio::test]
async fn operators_have_every_voice_on_the_control_listener_and_clients_their_own() {
    let (plimsoll, _) = instance(|builder| builder);
    let control = serve(plimsoll.control_router()).await;
    let own = Catalog::of(&[]).unwrap();
    let told = async || {
        let answer = plimsoll_testkit::http::get(control, "/errors.json").await;
        Catalog::from_json(std::str::from_utf8(answer.body()).unwrap()).unwrap()
    };
    assert_eq!(told().await, own);

    catalog! {
        enum ShopCode: "SHOP" {
            1001 Closed {
                status: 409, blame: Client, retry: Never, title: "Closed",
                client: "Come back tomorrow.", support: "Say when.", operator: "Look at the door.",
            },
        }
    }
    let catalog = Catalog::of(&[ShopCode::ALL]).unwrap();
    let pages = plimsoll.error_pages(&catalog);
    assert_eq!(told().await, catalog);
    let data = serve(pages.layer(plimsoll.layer())).await;
    for path in ["/errors", "/errors/SHOP-1001"] {
        let page = get(data, path).await;
        assert_eq!(status(&page), 200);
        assert!(
            page.contains("Closed") && !page.contains("the door"),
            "{page}"
        );
    }
    assert_eq!(status(&get(data, "/errors.json").await), 404);
}
