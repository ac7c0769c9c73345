//! The binary's own health check against a running status listener.

use std::net::SocketAddr;

use plimsoll::{Builder, Plimsoll, Unhealthy};
use tokio::net::TcpListener;

use crate::support::{instance, serve};

fn at(status: impl Into<Option<SocketAddr>>) -> Builder {
    Plimsoll::builder("facade-test")
        .env(Vec::new)
        .status(status)
}

#[tokio::test]
async fn it_passes_when_ready_and_tells_what_is_not() {
    let (plimsoll, _) = instance(|builder| builder);
    let migrations = plimsoll.startup("migrations");
    let status = serve(plimsoll.status_router()).await;
    let not_yet = at(status).healthcheck().await.unwrap_err();
    assert!(matches!(not_yet, Unhealthy::NotReady(_)), "{not_yet}");
    assert!(
        not_yet.to_string().contains("[-]startup failed"),
        "{not_yet}"
    );
    migrations.open();
    at(status).healthcheck().await.unwrap();
    // A listener on all addresses is asked at the loopback.
    let everywhere = SocketAddr::from(([0, 0, 0, 0], status.port()));
    at(everywhere).healthcheck().await.unwrap();
    plimsoll.drain().begin(std::time::Duration::from_secs(9));
    let draining = at(status).healthcheck().await.unwrap_err();
    assert!(matches!(draining, Unhealthy::NotReady(_)), "{draining}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_unhealthy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let refused = at(nobody).healthcheck().await.unwrap_err();
    assert!(matches!(refused, Unhealthy::NoAnswer { .. }), "{refused}");
    let other = serve(axum::Router::new()).await;
    let other = at(other).healthcheck().await.unwrap_err();
    assert!(other.to_string().contains("no Plimsoll service"), "{other}");
    for status in [None, Some(SocketAddr::from(([127, 0, 0, 1], 0)))] {
        let unknown = at(status).healthcheck().await.unwrap_err();
        assert!(matches!(unknown, Unhealthy::NoAddress), "{unknown}");
    }
}
