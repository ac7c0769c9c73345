//! The store in Redis, against a server of its own.

use std::sync::Arc;

use plimsoll_ratelimit::store::{Redis, Store as _};
use plimsoll_testkit::redis::Redis as Server;

use crate::suite;

/// A deadline that a busy machine keeps.
fn patient(server: &Server) -> Redis {
    let store = Redis::open(&server.url()).unwrap();
    store.deadline(plimsoll_testkit::wait::PATIENCE)
}

#[tokio::test]
async fn redis_passes_the_suite() {
    let server = Server::start().await;
    let store = patient(&server);
    suite::run(Arc::new(store.clone())).await;
    assert!(store.is_up());
    assert_eq!(store.nodes(), 1);
}
