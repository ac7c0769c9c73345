//! The two listeners beside the service's own, by what they can do: *status*
//! changes nothing and needs no token; *control* changes things.
//!
//! Both run on a thread and a runtime of their own, so that a service whose
//! workers are all blocked still answers its probes.

pub(crate) mod control;
mod limits;
mod log;
pub(crate) mod status;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use plimsoll_core::Clock;
use plimsoll_health::{Drain, Health};
use tokio::sync::watch;

use crate::serve::{Server, Stage};
use crate::{Error, Plimsoll};

/// The listeners while they serve; they stop when this is dropped.
pub(crate) struct Listeners {
    pub(crate) status: Option<SocketAddr>,
    pub(crate) control: Option<SocketAddr>,
    stop: Option<watch::Sender<()>>,
}

/// Binds what is configured and serves it from a thread of its own.
pub(crate) fn start(plimsoll: &Plimsoll) -> Result<Listeners, Error> {
    let shared = &*plimsoll.0;
    if let Some(address) = shared.control
        && !address.ip().is_loopback()
        && shared.control_token.is_none()
    {
        return Err(Error::OpenControl(address));
    }
    let status = shared
        .status
        .map(|address| bind("status", address))
        .transpose()?;
    let control = shared
        .control
        .map(|address| bind("control", address))
        .transpose()?;
    let address = |socket: &Option<TcpListener>| {
        let socket = socket.as_ref();
        socket
            .map(TcpListener::local_addr)
            .transpose()
            .map_err(Error::System)
    };
    let (stop, stopped) = watch::channel(());
    let listeners = Listeners {
        status: address(&status)?,
        control: address(&control)?,
        stop: Some(stop),
    };
    let mut served: Vec<(TcpListener, Router)> = Vec::new();
    served.extend(status.map(|socket| (socket, plimsoll.status_router())));
    served.extend(control.map(|socket| (socket, plimsoll.control_router())));
    if served.is_empty() {
        return Ok(listeners);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::System)?;
    let health = plimsoll.health().clone();
    std::thread::Builder::new()
        .name("plimsoll-listeners".into())
        .spawn(move || runtime.block_on(serve_all(served, health, stopped)))
        .map_err(Error::System)?;
    Ok(listeners)
}

fn bind(listener: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    let bound = TcpListener::bind(address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    bound.map_err(|source| Error::Listen {
        listener,
        address,
        source,
    })
}

async fn serve_all(
    listening: Vec<(TcpListener, Router)>,
    health: Health,
    mut stopped: watch::Receiver<()>,
) {
    // Never told to leave: these answer until the process ends.
    let (_stage, stages) = watch::channel(Stage::Serving);
    let mut tasks = tokio::task::JoinSet::new();
    for (socket, router) in listening {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => {
                // Their broken connections are not the service's.
                let counts = Arc::default();
                let drain = Drain::new(Clock::system());
                let mut server = Server::new(socket, router, counts, stages.clone(), drain);
                tasks.spawn(async move { match server.accept().await {} });
            }
            Err(error) => tracing::error!(%error, "a listener could not be served"),
        }
    }
    // A service that stands still does not see that it does.
    tasks.spawn(async move { health.observe().await });
    let _ = stopped.changed().await;
    tasks.shutdown().await;
}

impl Drop for Listeners {
    fn drop(&mut self) {
        // The thread ends by itself; waiting for it could hold a worker.
        drop(self.stop.take());
    }
}
