//! Nobody gets over the limit, however many spend at once.

use card_service::{
    ids::{self, CardId},
    moment::Moment,
    store::{CardState, NewSpend, SpendError, TransactionStatus},
};
use tokio::task::JoinSet;

use crate::{
    common::{Service, first_card},
    seeding::{assert_books_balance, count, raw},
};

fn spend(card_id: CardId, amount_minor: i64, currency: &str) -> NewSpend {
    NewSpend {
        card_id,
        amount_minor,
        currency: currency.into(),
        merchant: "Corner Coffee".into(),
        at: Moment::from_unix_millis(1_800_000_000_000),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_spends_at_once_near_the_limit_never_pass_it() {
    let service = Service::start().await;
    let card = ids::card(1);
    let owner = service.store.card(card).await.unwrap().unwrap().account_id;
    let before = service.store.account(owner).await.unwrap().unwrap();
    // Room for exactly fifty spends and a rest that is too small for one more.
    let amount = (before.limit_minor - before.spent_minor) / 50;
    assert!(amount > 50, "the account has room");

    let mut spends = JoinSet::new();
    for _ in 0..200 {
        let store = service.store.clone();
        let spend = spend(card, amount, &before.currency);
        spends.spawn(async move { store.spend(spend).await });
    }
    let answers = spends.join_all().await;
    let authorised = answers.iter().filter(|answer| answer.is_ok()).count();
    let over = answers
        .iter()
        .filter(|answer| matches!(answer, Err(SpendError::OverLimit(_))))
        .count();

    assert_eq!((authorised, over), (50, 150));
    let after = service.store.account(owner).await.unwrap().unwrap();
    assert_eq!(after.spent_minor, before.spent_minor + 50 * amount);
    assert!(after.spent_minor <= after.limit_minor);
    assert_books_balance(&mut raw(&service.folder).await).await;
}

#[tokio::test]
async fn the_last_unit_of_the_limit_can_be_spent_and_not_one_more() {
    let service = Service::start().await;
    let card = ids::card(2);
    let owner = service.store.card(card).await.unwrap().unwrap().account_id;
    let account = service.store.account(owner).await.unwrap().unwrap();
    let rest = account.limit_minor - account.spent_minor;
    let too_much = service
        .store
        .spend(spend(card, rest + 1, &account.currency))
        .await;
    assert!(matches!(too_much, Err(SpendError::OverLimit(_))));
    let all = service
        .store
        .spend(spend(card, rest, &account.currency))
        .await
        .unwrap();
    assert_eq!(all.status, TransactionStatus::Authorised);
    assert!(
        service
            .store
            .spend(spend(card, 1, &account.currency))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_refused_spend_leaves_no_trace() {
    let service = Service::start().await;
    let card = first_card(CardState::Active);
    let mut raw = raw(&service.folder).await;
    let before = count(
        &mut raw,
        "SELECT count(*) + sum(spent_minor) FROM accounts, transactions",
    )
    .await;
    for refused in [
        spend(card, 50_000_000, "EUR"),
        spend(card, 100, "XXX"),
        spend(first_card(CardState::Blocked), 100, "EUR"),
        spend(first_card(CardState::Inactive), 100, "EUR"),
        spend(ids::card(999_999), 100, "EUR"),
    ] {
        assert!(
            service.store.spend(refused.clone()).await.is_err(),
            "{refused:?}"
        );
    }
    let after = count(
        &mut raw,
        "SELECT count(*) + sum(spent_minor) FROM accounts, transactions",
    )
    .await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_spend_dropped_half_way_keeps_the_books_balanced_and_the_writer_free() {
    let service = Service::start().await;
    let card = ids::card(3);
    let owner = service.store.card(card).await.unwrap().unwrap().account_id;
    let currency = service
        .store
        .account(owner)
        .await
        .unwrap()
        .unwrap()
        .currency;
    for polls in 0..20 {
        let mut work = Box::pin(service.store.spend(spend(card, 100, &currency)));
        for _ in 0..polls {
            let ended = tokio::select! { biased; ended = &mut work => ended.is_ok(), () = tokio::task::yield_now() => false };
            if ended {
                break;
            }
        }
    }
    service
        .store
        .spend(spend(card, 100, &currency))
        .await
        .unwrap();
    assert_books_balance(&mut raw(&service.folder).await).await;
}
