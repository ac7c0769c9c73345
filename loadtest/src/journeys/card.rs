//! What people do with their cards: journeys over the card service.
//!
//! - `look` (45 %): the cards of an account, then one card.
//! - `open` (25 %): the mobile app is opened: the overview, then one card.
//! - `pay` (20 %): the overview, then a spend of a few coins on an active card of
//!   that account, in its currency.
//! - `activate` (10 %): a new card is activated; a second time changes nothing.
//!
//! Of 100 arrivals come about 45 + 45 + 25 reads, 45 overviews and 30 writes.
//! Requests are named by route template, as the service counts them.
//!
//! Ids are a prefix and a number of seven digits. Of `accounts` accounts and three
//! times as many cards, card n ≤ `accounts` belongs to account n; n is blocked when
//! divisible by 50, inactive when it ends in 7, active otherwise.

use std::sync::Arc;

use goose::goose::{
    GooseRequest, GooseUser, Scenario, Transaction, TransactionError, TransactionResult,
};
use serde::Deserialize;
use serde_json::json;

use crate::executor::visit;

/// Accounts in a card service that was started without `--accounts`.
pub const ACCOUNTS: u32 = 10_000;
const CARDS_PER_ACCOUNT: u32 = 3;

const OVERVIEW: &str = "/v1/accounts/{id}/overview";
const CARDS: &str = "/v1/accounts/{id}/cards";
const CARD: &str = "/v1/cards/{id}";
const ACTIVATION: &str = "/v1/cards/{id}/activation";
const TRANSACTIONS: &str = "/v1/transactions";

/// The journeys over a card service with so many accounts, at least 10.
///
/// ```
/// use plimsoll_loadtest::journeys::card;
/// let names: Vec<String> = card::scenarios(card::ACCOUNTS).iter().map(|s| s.name.to_string()).collect();
/// assert_eq!(names, ["look", "open", "pay", "activate"]);
/// ```
pub fn scenarios(accounts: u32) -> Vec<Scenario> {
    let accounts = accounts.max(10);
    vec![
        scenario("look", 45, move |user| Box::pin(look(user, accounts))),
        scenario("open", 25, move |user| Box::pin(open(user, accounts))),
        scenario("pay", 20, move |user| Box::pin(pay(user, accounts))),
        scenario("activate", 10, move |user| {
            Box::pin(activate(user, accounts))
        }),
    ]
}

type Running<'a> = std::pin::Pin<Box<dyn Future<Output = TransactionResult> + Send + 'a>>;

fn scenario(
    name: &str,
    weight: usize,
    journey: impl for<'a> Fn(&'a mut GooseUser) -> Running<'a> + Send + Sync + 'static,
) -> Scenario {
    let mut scenario =
        Scenario::new(name).register_transaction(Transaction::new(Arc::new(journey)));
    // `set_weight` refuses 0 only, and hands back a Result for it.
    scenario.weight = weight;
    scenario
}

async fn look(user: &mut GooseUser, accounts: u32) -> TransactionResult {
    let mut rng = rng(user);
    let account = account(rng.u32(1..=accounts));
    get(user, CARDS, &account).await?;
    let card = card(rng.u32(1..=accounts * CARDS_PER_ACCOUNT));
    get(user, CARD, &card).await?;
    Ok(())
}

async fn open(user: &mut GooseUser, accounts: u32) -> TransactionResult {
    let number = rng(user).u32(1..=accounts);
    get(user, OVERVIEW, &account(number)).await?;
    get(user, CARD, &card(number)).await?;
    Ok(())
}

async fn pay(user: &mut GooseUser, accounts: u32) -> TransactionResult {
    let mut rng = rng(user);
    let number = active(rng.u32(1..=accounts));
    // Without an overview the app shows no button to pay with.
    let Some(body) = get(user, OVERVIEW, &account(number)).await? else {
        return Ok(());
    };
    let overview: Overview = serde_json::from_str(&body).map_err(|error| {
        TransactionError::Custom(format!("account {number} has an odd overview: {error}"))
    })?;
    let spend = json!({
        "card_id": card(number),
        "amount_minor": rng.u32(1..=50),
        "currency": overview.account.currency,
        "merchant": "Corner Shop",
    });
    post(user, TRANSACTIONS, TRANSACTIONS, &spend.to_string()).await
}

async fn activate(user: &mut GooseUser, accounts: u32) -> TransactionResult {
    let tens = accounts * CARDS_PER_ACCOUNT / 10;
    let card = card(rng(user).u32(0..tens) * 10 + 7);
    let path = ACTIVATION.replace("{id}", &card);
    post(user, &path, ACTIVATION, "").await
}

#[derive(Deserialize)]
struct Overview {
    account: Account,
}

#[derive(Deserialize)]
struct Account {
    currency: String,
}

/// The body of a 200; `None` for any other end, which counts as it came.
async fn get(
    user: &mut GooseUser,
    route: &str,
    id: &str,
) -> Result<Option<String>, Box<TransactionError>> {
    let path = route.replace("{id}", id);
    let got = user.get_named(&path, route).await?;
    let Ok(response) = got.response else {
        return Ok(None);
    };
    let is_ok = response.status() == reqwest::StatusCode::OK;
    // Read to the end whatever it is, so that the connection can be used again.
    let body = response.text().await?;
    Ok(is_ok.then_some(body))
}

async fn post(user: &mut GooseUser, path: &str, route: &str, body: &str) -> TransactionResult {
    let builder = user.get_request_builder(&goose::goose::GooseMethod::Post, path)?;
    let builder = builder
        .header("content-type", "application/json")
        .body(body.to_owned());
    let request = GooseRequest::builder()
        .method(goose::goose::GooseMethod::Post)
        .path(path)
        .name(route)
        .set_request_builder(builder)
        .build();
    if let Ok(response) = user.request(request).await?.response {
        response.bytes().await?;
    }
    Ok(())
}

fn rng(user: &GooseUser) -> fastrand::Rng {
    visit(user).map_or_else(fastrand::Rng::new, |visit| visit.rng())
}

fn account(number: u32) -> String {
    format!("acc_{number:07}")
}

fn card(number: u32) -> String {
    format!("crd_{number:07}")
}

/// An active card at or just below `number`.
const fn active(number: u32) -> u32 {
    match number {
        number if number % 50 == 0 || number % 10 == 7 => number - 1,
        number => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_to_pay_with_is_neither_blocked_nor_inactive() {
        for number in 1..=1_000 {
            let active = active(number);
            assert!(
                active >= 1 && !active.is_multiple_of(50) && active % 10 != 7,
                "{number}: {active}"
            );
        }
    }

    #[test]
    fn ids_have_seven_digits() {
        assert_eq!(
            (account(1).as_str(), card(30_000).as_str()),
            ("acc_0000001", "crd_0030000")
        );
    }
}
