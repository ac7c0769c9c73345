//! The two listeners beside the service's own, by what they can do: *status*
//! changes nothing and needs no token; *control* changes things.
//!
//! Each runs on a thread and a runtime of its own, so that a service whose
//! workers are all blocked still answers its probes, and so that nothing an
//! operator asks of the control listener holds one up. The thread of the probes
//! hears the signals too, and ends what does not end (`serve::guard`).

pub(crate) mod control;
mod limits;
mod log;
pub(crate) mod status;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use plimsoll_core::Clock;
use plimsoll_health::Drain;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::serve::{self, End, Heard, Server, Stage, Streams};
use crate::{Error, Plimsoll};

/// The listeners while they serve; they stop when this is dropped.
pub(crate) struct Listeners {
    pub(crate) status: Option<SocketAddr>,
    pub(crate) control: Option<SocketAddr>,
    stop: Option<watch::Sender<()>>,
}

/// Binds what is configured and serves it from threads of their own.
pub(crate) fn start(
    plimsoll: &Plimsoll,
    heard: watch::Sender<Heard>,
    end: Arc<End>,
) -> Result<Listeners, Error> {
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
    // Signals first: from here on none kills the process.
    let runtime = runtime()?;
    let streams = {
        let _within = runtime.enter();
        Streams::listen().map_err(Error::System)?
    };
    let guarded = serve::guard(plimsoll.clone(), streams, heard, end);
    let of_probes = status.map(|socket| (socket, status::router(plimsoll.clone())));
    let health = plimsoll.health().clone();
    let ends = stopped.clone();
    spawn("plimsoll-status", runtime, async move {
        let mut tasks = JoinSet::new();
        // A service that stands still does not see that it does.
        tasks.spawn(async move { health.observe().await });
        tasks.spawn(guarded);
        serve_until(of_probes, tasks, ends).await;
    })?;
    if let Some(socket) = control {
        let served = (socket, plimsoll.control_router());
        let tasks = JoinSet::new();
        let serving = serve_until(Some(served), tasks, stopped);
        spawn("plimsoll-control", self::runtime()?, serving)?;
    }
    Ok(listeners)
}

fn runtime() -> Result<Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(Error::System)
}

fn spawn(
    name: &str,
    runtime: Runtime,
    work: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let thread = std::thread::Builder::new().name(name.into());
    let begun = thread.spawn(move || runtime.block_on(work));
    begun.map(drop).map_err(Error::System)
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

/// Serves one listener beside other tasks, until it is told to stop.
async fn serve_until(
    listening: Option<(TcpListener, Router)>,
    mut tasks: JoinSet<()>,
    mut stopped: watch::Receiver<()>,
) {
    // Never told to leave: these answer until the process ends.
    let (_stage, stages) = watch::channel(Stage::Serving);
    if let Some((socket, router)) = listening {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => {
                // Their broken connections are not the service's.
                let counts = Arc::default();
                let drain = Drain::new(Clock::system());
                let mut server = Server::new(socket, router, counts, stages, drain);
                tasks.spawn(async move { match server.accept().await {} });
            }
            Err(error) => tracing::error!(%error, "a listener could not be served"),
        }
    }
    let _ = stopped.changed().await;
    tasks.shutdown().await;
}

impl Drop for Listeners {
    fn drop(&mut self) {
        // The threads end by themselves; waiting for them could hold a worker.
        drop(self.stop.take());
    }
}
