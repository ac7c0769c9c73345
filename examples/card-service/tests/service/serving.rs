//! From arguments to a filled store.

use card_service::{
    cli::{Cli, Command, ServeArgs},
    serve::{ServeError, prepare},
    store::{SeedError, SeedPlan},
};
use clap::Parser as _;
use tempfile::TempDir;

use crate::common::url;

fn args(folder: &TempDir, more: &[&str]) -> ServeArgs {
    let url = url(folder);
    let all = ["card-service", "serve", "--database-url", &url];
    match Cli::parse_from(all.iter().chain(more)).command {
        Command::Serve(args) => args,
        _ => unreachable!("`serve` was typed"),
    }
}

#[tokio::test]
async fn an_empty_database_is_filled_as_asked_and_then_taken_as_it_is() {
    let folder = TempDir::new().unwrap();
    let plan = SeedPlan {
        seed: 5,
        accounts: 30,
    };
    for more in [
        &["--accounts", "30", "--seed", "5"][..],
        &[],
        &["--accounts", "30"],
    ] {
        let store = prepare(&args(&folder, more)).await.unwrap();
        assert_eq!(store.seeded().await.unwrap(), Some(plan), "{more:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_database_of_another_size_is_not_taken_for_the_one_asked_for() {
    let folder = TempDir::new().unwrap();
    prepare(&args(&folder, &["--accounts", "30"]))
        .await
        .unwrap();
    let refused = prepare(&args(&folder, &["--accounts", "40"]))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ServeError::Seed(SeedError::OtherPlan { .. })),
        "{refused}"
    );
}
