//! The two listeners beside the service's own, by what they can do: *status*
//! changes nothing and needs no token; *control* changes things.
//!
//! Both run on a thread and a runtime of their own, so that a service whose
//! workers are all blocked still answers its probes.

pub(crate) mod control;
pub(crate) mod status;

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use tokio::sync::watch;

use crate::{Error, Plimsoll};

/// The listeners while they serve; they stop when this is dropped.
pub(crate) struct Listeners {
    pub(crate) status: Option<SocketAddr>,
    pub(crate) control: Option<SocketAddr>,
    stop: Option<watch::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
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
    let mut listeners = Listeners {
        status: address(&status)?,
        control: address(&control)?,
        stop: Some(stop),
        thread: None,
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
    let thread = std::thread::Builder::new()
        .name("plimsoll-listeners".into())
        .spawn(move || runtime.block_on(serve_all(served, stopped)))
        .map_err(Error::System)?;
    listeners.thread = Some(thread);
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

async fn serve_all(served: Vec<(TcpListener, Router)>, stopped: watch::Receiver<()>) {
    let mut tasks = tokio::task::JoinSet::new();
    for (socket, router) in served {
        let mut stopped = stopped.clone();
        tasks.spawn(async move {
            match tokio::net::TcpListener::from_std(socket) {
                Ok(socket) => {
                    let serve = IntoFuture::into_future(axum::serve(socket, router));
                    tokio::select! {
                        _ = serve => {}
                        _ = stopped.changed() => {}
                    }
                }
                Err(error) => tracing::error!(%error, "a listener could not be served"),
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

impl Drop for Listeners {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once: dropping the sender wakes it.
            let _ = thread.join();
        }
    }
}
