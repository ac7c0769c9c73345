//! haproxy in front of two services.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use plimsoll_testkit::process::Process;
use plimsoll_testkit::wait::until_told;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// A loopback address of this process alone, so that a port which a service
/// leaves for a moment is still free when its successor comes.
pub(super) fn own_address() -> IpAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high & 63, middle, low.max(1)).into()
}

/// Where a service answers requests, and where its probes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    pub(super) service: SocketAddr,
    pub(super) status: SocketAddr,
}

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    socket: PathBuf,
    _process: Process,
}

impl Proxy {
    /// Sends each request to one of the servers, once: no retry, no other
    /// server when the first does not answer.
    pub(super) async fn start(folder: &Path, servers: [Server; 2]) -> Self {
        let free = TcpListener::bind((own_address(), 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let socket = folder.join("haproxy.sock");
        let [one, two] = servers;
        let config = format!(
            "global
    maxconn 200
    nbthread 1
    stats socket {socket}
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 20s
    timeout check 1s
    retries 0
frontend cards
    bind {address}
    default_backend services
backend services
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter 200ms fastinter 100ms downinter 100ms fall 2 rise 1
    server s0 {} port {}
    server s1 {} port {}
",
            one.service,
            one.status.port(),
            two.service,
            two.status.port(),
            socket = socket.display(),
        );
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("haproxy");
        let process = Process::start(command.arg("-db").arg("-f").arg(file));
        let proxy = Self {
            address,
            socket,
            _process: process,
        };
        for number in 0..servers.len() {
            proxy.sends_to(number).await;
        }
        proxy
    }

    /// Waits until this server gets requests.
    pub(super) async fn sends_to(&self, number: usize) {
        let row = format!("services,s{number},");
        until_told("a server that is up", async || {
            let state = self.ask("show stat\n").await?;
            let row = state.lines().find(|line| line.starts_with(&row))?;
            // The eighteenth column is the status (haproxy's management guide, 9.1).
            (row.split(',').nth(17)? == "UP").then_some(())
        })
        .await;
    }

    async fn ask(&self, what: &str) -> Option<String> {
        let mut socket = UnixStream::connect(&self.socket).await.ok()?;
        socket.write_all(what.as_bytes()).await.ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }
}
