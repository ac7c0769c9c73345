//! A database that cannot be opened says what to do.

use card_service::store::{OpenError, Store};
use tempfile::TempDir;

use crate::common::url;

async fn refused(url: &str) -> OpenError {
    Store::open(url).await.unwrap_err()
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    store.ping().await.unwrap();
    assert!(folder.path().join("cards.db").exists());
}

#[tokio::test]
async fn a_database_in_memory_keeps_its_rows_and_serves_many_at_once() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.seed(&crate::common::PLAN).await.unwrap();
    let asks = (1..=50).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.account(card_service::ids::account(number)).await })
    });
    for ask in asks.collect::<Vec<_>>() {
        assert!(ask.await.unwrap().unwrap().is_some());
    }
}

#[tokio::test]
async fn other_databases_are_refused() {
    for url in [
        "postgres://localhost/cards",
        "cards.db",
        "",
        "sqlite:",
        "sqlite://",
    ] {
        let refused = refused(url).await;
        assert!(matches!(refused, OpenError::Url { .. }), "{url}: {refused}");
        assert!(
            refused.to_string().contains("write `sqlite://cards.db`"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn an_unknown_setting_in_the_url_is_refused() {
    let folder = TempDir::new().unwrap();
    let refused = refused(&format!("{}?colour=red", url(&folder))).await;
    assert!(
        matches!(
            refused,
            OpenError::Url {
                source: Some(_),
                ..
            }
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = TempDir::new().unwrap();
    let refused = refused(&format!(
        "sqlite://{}/no/such/cards.db",
        folder.path().display()
    ))
    .await;
    assert!(matches!(refused, OpenError::NoFolder { .. }), "{refused}");
}

#[tokio::test]
async fn a_folder_is_no_file() {
    let folder = TempDir::new().unwrap();
    let refused = refused(&format!("sqlite://{}", folder.path().display())).await;
    assert!(
        matches!(refused, OpenError::CannotOpen { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_refused() {
    let folder = TempDir::new().unwrap();
    Store::open(&url(&folder)).await.unwrap().close().await;
    let refused = refused(&format!("{}?mode=ro", url(&folder))).await;
    assert!(matches!(refused, OpenError::ReadOnly { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let text = "Dear diary, ".repeat(500);
    std::fs::write(folder.path().join("cards.db"), &text).unwrap();
    let refused = refused(&url(&folder)).await;
    assert!(
        matches!(refused, OpenError::NotADatabase { .. }),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("cards.db")).unwrap(),
        text
    );
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    store.close().await;
    let mut raw = crate::seeding::raw(&folder).await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'")
        .execute(&mut raw)
        .await
        .unwrap();
    let refused = refused(&url(&folder)).await;
    assert!(matches!(refused, OpenError::Migrate { .. }), "{refused:?}");
}
