//! Every route and every failure it can answer.

use std::fmt::Display;

use axum::http::{Method, StatusCode};
use card_service::{ids, store::CardState};
use serde_json::{Value, json};

use crate::common::{Service, ask, first_card};

fn spend(card: impl Display, amount: i64, currency: &str, merchant: &str) -> Value {
    json!({"card_id": card.to_string(), "amount_minor": amount, "currency": currency, "merchant": merchant})
}

/// The first active card and the currency of its account.
async fn payer(service: &Service) -> (String, String) {
    let card = first_card(CardState::Active);
    let owner = service.store.card(card).await.unwrap().unwrap().account_id;
    let currency = service
        .store
        .account(owner)
        .await
        .unwrap()
        .unwrap()
        .currency;
    (card.to_string(), currency)
}

#[tokio::test]
async fn the_overview_shows_account_cards_transactions_and_open_invoices() {
    let service = Service::start().await;
    let (status, body) = service.get("/v1/accounts/acc_0000007/overview").await;
    assert_eq!(status, StatusCode::OK);
    let account = &body["account"];
    assert_eq!(account["id"], "acc_0000007");
    let minor = |name: &str| account[name].as_i64().unwrap();
    assert_eq!(
        minor("available_minor"),
        minor("limit_minor") - minor("spent_minor")
    );

    let cards = body["cards"].as_array().unwrap();
    assert!(!cards.is_empty());
    for card in cards {
        assert_eq!(card["account_id"], "acc_0000007");
        let image = card["image_url"].as_str().unwrap();
        assert!(
            image.starts_with("https://") && image.contains(".webp"),
            "{image}"
        );
    }
    let transactions = body["transactions"].as_array().unwrap();
    assert!((1..=10).contains(&transactions.len()));
    let times: Vec<_> = transactions
        .iter()
        .map(|one| {
            one["at"]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
        })
        .collect();
    assert!(
        times.is_sorted_by(|newer, older| newer >= older),
        "{times:?}"
    );
    let invoices = body["invoices"].as_array().unwrap();
    assert!(invoices.iter().any(|invoice| invoice["status"] == "open"));
    assert!(invoices.iter().all(|invoice| invoice["status"] != "paid"));
}

#[tokio::test]
async fn the_cards_of_an_account_are_listed() {
    let service = Service::start().await;
    let (status, body) = service.get("/v1/accounts/acc_0000001/cards").await;
    assert_eq!(status, StatusCode::OK);
    let ids: Vec<_> = body["cards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| card["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids[0], "crd_0000001");
    assert!(ids.is_sorted());
}

#[tokio::test]
async fn one_card_is_shown() {
    let service = Service::start().await;
    let (status, body) = service.get("/v1/cards/crd_0000001").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["state"], "active");
    assert_eq!(body["last4"].as_str().unwrap().len(), 4);
    let at = body["activated_at"].as_str().unwrap();
    assert!(
        at.ends_with('Z') && at.parse::<jiff::Timestamp>().is_ok(),
        "{at}"
    );
}

#[tokio::test]
async fn an_id_that_names_nothing_is_not_found_however_it_is_spelt() {
    let service = Service::start().await;
    for (path, code) in [
        ("/v1/accounts/acc_9999999/overview", "CARD-1001"),
        ("/v1/accounts/acc_9999999/cards", "CARD-1001"),
        ("/v1/accounts/1/cards", "CARD-1001"),
        ("/v1/accounts/crd_0000001/overview", "CARD-1001"),
        ("/v1/cards/crd_9999999", "CARD-1002"),
        ("/v1/cards/%27%3B--", "CARD-1002"),
    ] {
        let (status, body) = service.get(path).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::NOT_FOUND, &json!(code)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn activating_twice_answers_the_same_twice() {
    let service = Service::start().await;
    let path = format!("/v1/cards/{}/activation", first_card(CardState::Inactive));
    let first = service.post(&path, None).await;
    assert_eq!(
        (first.0, &first.1["state"]),
        (StatusCode::OK, &json!("active"))
    );
    assert!(first.1["activated_at"].is_string());
    assert_eq!(service.post(&path, None).await, first);
}

#[tokio::test]
async fn a_blocked_or_unknown_card_is_not_activated() {
    let service = Service::start().await;
    for (card, status, code) in [
        (
            first_card(CardState::Blocked),
            StatusCode::CONFLICT,
            "CARD-1004",
        ),
        (ids::card(999_999), StatusCode::NOT_FOUND, "CARD-1002"),
    ] {
        let (got, body) = service
            .post(&format!("/v1/cards/{card}/activation"), None)
            .await;
        assert_eq!((got, &body["code"]), (status, &json!(code)));
    }
}

#[tokio::test]
async fn a_spend_is_authorised_and_shows_in_the_overview() {
    let service = Service::start().await;
    let (card, currency) = payer(&service).await;
    let (status, spent) = service
        .post(
            "/v1/transactions",
            Some(spend(&card, 1_234, &currency, " Noodle House ")),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{spent}");
    assert_eq!(
        (&spent["status"], &spent["merchant"]),
        (&json!("authorised"), &json!("Noodle House"))
    );
    assert_eq!(
        (&spent["card_id"], &spent["amount_minor"]),
        (&json!(card), &json!(1_234))
    );
    let overview = format!(
        "/v1/accounts/{}/overview",
        spent["account_id"].as_str().unwrap()
    );
    let (_, overview) = service.get(&overview).await;
    assert_eq!(overview["transactions"][0], spent);
}

#[tokio::test]
async fn an_activated_card_can_pay() {
    let service = Service::start().await;
    let card = first_card(CardState::Inactive);
    let owner = service.store.card(card).await.unwrap().unwrap().account_id;
    let currency = service
        .store
        .account(owner)
        .await
        .unwrap()
        .unwrap()
        .currency;
    let pay = || {
        service.post(
            "/v1/transactions",
            Some(spend(card, 1, &currency, "Kiosk 24")),
        )
    };
    assert_eq!(pay().await.0, StatusCode::CONFLICT);
    service
        .post(&format!("/v1/cards/{card}/activation"), None)
        .await;
    assert_eq!(pay().await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_spend_that_cannot_be_is_refused_by_its_code() {
    let service = Service::start().await;
    let (card, currency) = payer(&service).await;
    let (ok, long) = ("Kiosk 24", "x".repeat(101));
    let other = if currency == "EUR" { "USD" } else { "EUR" };
    for (body, status, code) in [
        (spend("crd_9999999", 100, &currency, ok), 404, "CARD-1002"),
        (spend("nonsense", 100, &currency, ok), 404, "CARD-1002"),
        (
            spend(first_card(CardState::Inactive), 100, &currency, ok),
            409,
            "CARD-1003",
        ),
        (
            spend(first_card(CardState::Blocked), 100, &currency, ok),
            409,
            "CARD-1004",
        ),
        (spend(&card, 50_000_000, &currency, ok), 402, "CARD-1005"),
        (spend(&card, 0, &currency, ok), 422, "CARD-1006"),
        (spend(&card, -5, &currency, ok), 422, "CARD-1006"),
        (spend(&card, 100_000_001, &currency, ok), 422, "CARD-1006"),
        (spend(&card, i64::MAX, &currency, ok), 422, "CARD-1006"),
        (spend(&card, 100, other, ok), 422, "CARD-1007"),
        (spend(&card, 100, "", ok), 422, "CARD-1007"),
        (spend(&card, 100, &currency, "  "), 422, "CARD-1008"),
        (spend(&card, 100, &currency, &long), 422, "CARD-1008"),
    ] {
        let (got, answer) = service.post("/v1/transactions", Some(body.clone())).await;
        assert_eq!(
            (got.as_u16(), &answer["code"]),
            (status, &json!(code)),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_field_is_pointed_at() {
    let service = Service::start().await;
    let (card, currency) = payer(&service).await;
    let (_, body) = service
        .post(
            "/v1/transactions",
            Some(spend(&card, 0, &currency, "Kiosk 24")),
        )
        .await;
    assert_eq!(body["errors"][0]["pointer"], "/amount_minor", "{body}");
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused_before_the_store_is_asked() {
    let service = Service::start().await;
    for body in [
        json!({}),
        json!({"card_id": 1}),
        json!([]),
        json!({"card_id": "crd_0000001", "amount_minor": 1.5, "currency": "EUR", "merchant": "x"}),
    ] {
        let (status, _) = service.post("/v1/transactions", Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let (status, _) = ask(&service.router, Method::POST, "/v1/transactions", None).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_failing_database_answers_500_and_tells_nothing_of_itself() {
    let service = Service::start().await;
    let mut raw = crate::seeding::raw(&service.folder).await;
    sqlx::query("ALTER TABLE cards RENAME TO cards_gone")
        .execute(&mut raw)
        .await
        .unwrap();
    let (status, body) = service.get("/v1/cards/crd_0000001").await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &json!("CARD-2003"))
    );
    assert!(
        !body.to_string().contains("cards_gone") && !body.to_string().contains("SELECT"),
        "{body}"
    );
}
