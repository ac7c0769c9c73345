//! What the seed writes, and when it refuses to.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use crate::common::url;
use card_service::{
    ids,
    store::{ANCHOR, DAYS, SeedError, SeedPlan, Store, state_of_card},
};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

const SMALL: SeedPlan = SeedPlan {
    seed: 1,
    accounts: 200,
};

async fn seeded(plan: &SeedPlan) -> (TempDir, SqliteConnection) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    store.seed(plan).await.unwrap();
    store.close().await;
    let raw = raw(&folder).await;
    (folder, raw)
}

pub(crate) async fn raw(folder: &TempDir) -> SqliteConnection {
    SqliteConnection::connect(&url(folder)).await.unwrap()
}

/// Every row of every table, as text.
async fn hash(raw: &mut SqliteConnection) -> u64 {
    let rows = sqlx::query_scalar::<_, String>(
        "SELECT concat_ws('|', id, name, currency, limit_minor, spent_minor, version) FROM accounts
         UNION ALL SELECT concat_ws('|', id, account_id, state, last4, network, image_key, activated_at, version) FROM cards
         UNION ALL SELECT concat_ws('|', id, account_id, card_id, amount_minor, currency, merchant, status, at) FROM transactions
         UNION ALL SELECT concat_ws('|', id, account_id, amount_minor, due_on, status) FROM invoices",
    )
    .fetch_all(raw)
    .await
    .unwrap();
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    hasher.finish()
}

pub(crate) async fn count(raw: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(raw).await.unwrap()
}

/// The sum of what was authorised is what is spent, and nobody is over the limit.
pub(crate) async fn assert_books_balance(raw: &mut SqliteConnection) {
    let wrong = count(
        raw,
        "SELECT count(*) FROM accounts WHERE spent_minor > limit_minor OR spent_minor <> (
            SELECT coalesce(sum(amount_minor), 0) FROM transactions
            WHERE account_id = accounts.id AND status = 'authorised')",
    )
    .await;
    assert_eq!(wrong, 0);
}

#[tokio::test]
async fn equal_seeds_give_equal_rows_and_other_seeds_other_rows() {
    let (_a, mut first) = seeded(&SMALL).await;
    let (_b, mut again) = seeded(&SMALL).await;
    let (_c, mut other) = seeded(&SeedPlan { seed: 2, ..SMALL }).await;
    let first = hash(&mut first).await;
    assert_eq!(first, hash(&mut again).await);
    assert_ne!(first, hash(&mut other).await);
}

#[tokio::test]
async fn the_full_seed_has_all_its_rows_and_balances() {
    let (_folder, mut raw) = seeded(&SeedPlan::default()).await;
    assert_eq!(
        count(&mut raw, "SELECT count(*) FROM accounts").await,
        10_000
    );
    assert_eq!(count(&mut raw, "SELECT count(*) FROM cards").await, 30_000);
    assert_eq!(
        count(&mut raw, "SELECT count(*) FROM transactions").await,
        200_000
    );
    assert!(count(&mut raw, "SELECT count(*) FROM invoices").await > 20_000);
    assert_books_balance(&mut raw).await;
    let declined = count(
        &mut raw,
        "SELECT count(*) FROM transactions WHERE status = 'declined'",
    )
    .await;
    assert!(
        (2_000..30_000).contains(&declined),
        "{declined} of 200,000 declined"
    );
    let with_room = count(
        &mut raw,
        "SELECT count(*) FROM accounts WHERE limit_minor - spent_minor >= 10000",
    )
    .await;
    assert!(
        with_room > 9_000,
        "a load generator needs accounts that can pay: {with_room}"
    );
}

#[tokio::test]
async fn the_smallest_seed_works_too() {
    let (_folder, mut raw) = seeded(&SeedPlan {
        seed: 3,
        accounts: 1,
    })
    .await;
    assert_eq!(
        count(&mut raw, "SELECT count(*) FROM transactions").await,
        20
    );
    assert_books_balance(&mut raw).await;
}

#[tokio::test]
async fn rows_belong_together() {
    let (_folder, mut raw) = seeded(&SMALL).await;
    for (what, sql) in [
        ("accounts without a card", "SELECT count(*) FROM accounts WHERE id NOT IN (SELECT account_id FROM cards)"),
        ("cards of no account", "SELECT count(*) FROM cards WHERE account_id NOT IN (SELECT id FROM accounts)"),
        (
            "transactions of another's card or currency",
            "SELECT count(*) FROM transactions t WHERE NOT EXISTS (
                SELECT 1 FROM cards c JOIN accounts a ON a.id = c.account_id
                WHERE c.id = t.card_id AND a.id = t.account_id AND a.currency = t.currency)",
        ),
        (
            "transactions out of the order of time",
            "SELECT count(*) FROM (SELECT at, lag(at) OVER (ORDER BY id) AS before FROM transactions) WHERE at < before",
        ),
        (
            "accounts that are billed other than they spent",
            "SELECT count(*) FROM accounts WHERE spent_minor <> (
                SELECT coalesce(sum(amount_minor), 0) FROM invoices WHERE account_id = accounts.id)",
        ),
        ("active cards without a date", "SELECT count(*) FROM cards WHERE (state = 'inactive') <> (activated_at IS NULL)"),
    ] {
        assert_eq!(count(&mut raw, sql).await, 0, "{what}");
    }
}

#[tokio::test]
async fn all_transactions_lie_in_the_days_before_the_anchor() {
    let (_folder, mut raw) = seeded(&SMALL).await;
    let earliest = count(&mut raw, "SELECT min(at) FROM transactions").await;
    let latest = count(&mut raw, "SELECT max(at) FROM transactions").await;
    let reach = i64::from(DAYS) * 86_400_000;
    assert!(
        earliest >= ANCHOR - reach && latest < ANCHOR,
        "{earliest} to {latest}"
    );
    assert!(latest - earliest > reach - 2 * 86_400_000);
}

#[tokio::test]
async fn the_state_of_a_card_follows_from_its_number() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    store.seed(&SMALL).await.unwrap();
    for number in 1..=i64::from(SMALL.cards()) {
        let card = store.card(ids::card(number)).await.unwrap().unwrap();
        assert_eq!(card.state, state_of_card(number), "card {number}");
    }
}

#[tokio::test]
async fn a_second_seed_leaves_a_filled_database_alone() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    assert!(store.seed(&SMALL).await.unwrap().now);
    let before = hash(&mut raw(&folder).await).await;
    assert!(!store.seed(&SMALL).await.unwrap().now);
    assert_eq!(before, hash(&mut raw(&folder).await).await);
    assert_eq!(store.seeded().await.unwrap(), Some(SMALL));
}

#[tokio::test]
async fn another_plan_is_refused_and_says_how_to_go_on() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    store.seed(&SMALL).await.unwrap();
    let refused = store
        .seed(&SeedPlan {
            seed: 1,
            accounts: 300,
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, SeedError::OtherPlan { .. }));
    assert!(
        refused
            .to_string()
            .contains("leave --accounts and --seed away"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_half_filled_database_is_reported() {
    for damage in [
        "DELETE FROM seeded",
        "DELETE FROM cards WHERE id > 100",
        "DELETE FROM transactions WHERE id = 5",
    ] {
        let (folder, mut raw) = seeded(&SMALL).await;
        sqlx::query(damage).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
        let store = Store::open(&url(&folder)).await.unwrap();
        let refused = store.seed(&SMALL).await.unwrap_err();
        assert!(
            matches!(refused, SeedError::HalfFilled { .. }),
            "{damage}: {refused}"
        );
        assert!(refused.to_string().contains("remove the file"), "{refused}");
    }
}

#[tokio::test]
async fn a_plan_without_accounts_is_refused() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let refused = store
        .seed(&SeedPlan {
            seed: 1,
            accounts: 0,
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, SeedError::Accounts(0)));
}

#[tokio::test]
async fn every_query_finds_its_rows_by_an_index() {
    let (folder, mut raw) = seeded(&SMALL).await;
    assert!(Path::new(folder.path()).join("cards.db").exists());
    for sql in [
        "EXPLAIN QUERY PLAN SELECT * FROM cards WHERE account_id = 1 ORDER BY id",
        "EXPLAIN QUERY PLAN SELECT * FROM transactions WHERE account_id = 1 ORDER BY at DESC, id DESC LIMIT 10",
        "EXPLAIN QUERY PLAN SELECT * FROM invoices WHERE account_id = 1 AND status IN ('open', 'overdue')",
    ] {
        let plan: Vec<String> = sqlx::query(sql)
            .fetch_all(&mut raw)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get("detail"))
            .collect();
        assert!(plan[0].starts_with("SEARCH"), "{sql}: {plan:?}");
        assert!(plan.len() == 1, "sorted apart: {plan:?}");
    }
}
