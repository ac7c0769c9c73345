//! Every switch does what it says, to handlers and to the health check alike.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use card_service::{
    faults::{self, Change},
    store::StoreError,
};
use serde_json::json;

use crate::common::{Service, ask};

const OVERVIEW: &str = "/v1/accounts/acc_0000001/overview";

#[tokio::test]
async fn a_database_that_is_down_is_down_for_handlers_and_checks() {
    let service = Service::start().await;
    service.switch(Change {
        database_down: Some(true),
        ..Change::default()
    });
    let (status, body) = service.get(OVERVIEW).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("CARD-2001"))
    );
    assert!(matches!(service.store.ping().await, Err(StoreError::Down)));
    service.faults().reset();
    assert_eq!(service.get(OVERVIEW).await.0, StatusCode::OK);
    service.store.ping().await.unwrap();
}

#[tokio::test]
async fn a_slow_database_delays_handlers_and_checks() {
    let service = Service::start().await;
    service.switch(Change {
        database_slow_ms: Some(60),
        ..Change::default()
    });
    for check in [true, false] {
        let start = Instant::now();
        if check {
            service.store.ping().await.unwrap();
        } else {
            assert_eq!(service.get(OVERVIEW).await.0, StatusCode::OK);
        }
        assert!(start.elapsed() >= Duration::from_millis(60));
    }
}

#[tokio::test]
async fn a_database_so_slow_that_its_connections_run_out_answers_503() {
    let service = Service::start().await;
    // Three overviews want twelve connections of eight, and each is kept for longer than anyone waits.
    service.switch(Change {
        database_slow_ms: Some(3_000),
        ..Change::default()
    });
    let ask = || service.get(OVERVIEW);
    let answers = tokio::join!(ask(), ask(), ask());
    let busy = [answers.0, answers.1, answers.2]
        .into_iter()
        .filter(|(status, body)| {
            *status == StatusCode::SERVICE_UNAVAILABLE && body["code"] == "CARD-2002"
        });
    assert!(busy.count() >= 1);
}

#[tokio::test]
async fn a_share_of_errors_is_exact() {
    let service = Service::start().await;
    service.switch(Change {
        error_percent: Some(30),
        ..Change::default()
    });
    let mut struck = 0;
    for _ in 0..100 {
        let (status, body) = service.get("/v1/cards/crd_0000001").await;
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            assert_eq!(body["code"], "CARD-2900");
            struck += 1;
        }
    }
    assert_eq!(struck, 30);
}

#[tokio::test]
async fn a_panic_reaches_whoever_called_the_router() {
    let service = Service::start().await;
    service.switch(Change {
        panic_percent: Some(100),
        ..Change::default()
    });
    let router = service.router.clone();
    let call = tokio::spawn(async move { ask(&router, Method::GET, OVERVIEW, None).await });
    assert!(call.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn faults_do_not_strike_what_is_no_route() {
    let service = Service::start().await;
    service.switch(Change {
        error_percent: Some(100),
        ..Change::default()
    });
    assert_eq!(service.get("/nowhere").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_switches_are_read_changed_and_reset_over_http() {
    let service = Service::start().await;
    let control = faults::router(service.faults().clone());
    let off = json!({"database_slow_ms": 0, "database_down": false, "error_percent": 0, "panic_percent": 0, "worker_blocked": false});
    assert_eq!(
        ask(&control, Method::GET, "/faults", None).await,
        (StatusCode::OK, off.clone())
    );

    let slow = ask(
        &control,
        Method::PUT,
        "/faults",
        Some(json!({"database_slow_ms": 5})),
    )
    .await;
    assert_eq!(slow.1["database_slow_ms"], 5);
    let both = ask(
        &control,
        Method::PUT,
        "/faults",
        Some(json!({"error_percent": 10})),
    )
    .await;
    assert_eq!(
        (&both.1["database_slow_ms"], &both.1["error_percent"]),
        (&json!(5), &json!(10))
    );
    assert_eq!(service.faults().state().error_percent, 10);

    assert_eq!(
        ask(&control, Method::DELETE, "/faults", None).await,
        (StatusCode::OK, off)
    );
}

#[tokio::test]
async fn a_misspelt_or_absurd_switch_is_refused_and_changes_nothing() {
    let service = Service::start().await;
    let control = faults::router(service.faults().clone());
    for wrong in [
        json!({"database_slwo_ms": 5}),
        json!({"error_percent": 101}),
        json!({"error_percent": 300}),
        json!({"database_slow_ms": 60_001}),
        json!({"database_slow_ms": -1}),
    ] {
        let (status, body) = ask(&control, Method::PUT, "/faults", Some(wrong.clone())).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {body}");
    }
    assert_eq!(service.faults().state(), faults::State::default());
}
