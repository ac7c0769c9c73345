//! A road to a server that can be made long, cut, or led elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;

/// Listens on a TCP port of the loopback and hands everything on to a Unix socket.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    target: PathBuf,
    /// Before each piece of an answer is handed on.
    delay: Duration,
    connections: Vec<AbortHandle>,
    accepted: u64,
}

impl Proxy {
    /// A short road to `target`.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub async fn start(target: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            target,
            delay: Duration::ZERO,
            connections: Vec::new(),
            accepted: 0,
        }));
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made through it.
    pub fn accepted(&self) -> u64 {
        lock(&self.state).accepted
    }

    /// Holds each piece of an answer back for so long.
    pub fn delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }

    /// Cuts every connection; new ones lead to `target`.
    pub fn lead_to(&self, target: PathBuf) {
        let mut state = lock(&self.state);
        state.target = target;
        for connection in state.connections.drain(..) {
            connection.abort();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        for connection in lock(&self.state).connections.drain(..) {
            connection.abort();
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        let target = {
            let mut state = lock(&state);
            state.accepted += 1;
            state.target.clone()
        };
        let of = Arc::clone(&state);
        let carry = tokio::spawn(async move {
            let Ok(server) = UnixStream::connect(target).await else {
                return;
            };
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let there = tokio::io::copy(&mut from_client, &mut to_server);
            let back = async {
                let mut piece = vec![0; 65_536];
                while let Ok(count @ 1..) = from_server.read(&mut piece).await {
                    let delay = lock(&of).delay;
                    if !delay.is_zero() {
                        sleep(delay).await;
                    }
                    if to_client.write_all(&piece[..count]).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                _ = there => {}
                () = back => {}
            }
        });
        lock(&state).connections.push(carry.abort_handle());
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
