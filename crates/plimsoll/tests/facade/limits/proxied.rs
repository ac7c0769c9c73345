//! A thousand clients behind a real haproxy.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;

use axum::Router;
use axum::routing::get as on_get;
use futures_util::StreamExt as _;
use plimsoll::{Forwarding, Limit, Plimsoll, Quota, Trust};
use plimsoll_testkit::process::Process;
use plimsoll_testkit::wait::until_told;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Lines, instance, metric, serve};

const CLIENTS: u16 = 1_000;

struct Proxy {
    address: SocketAddr,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Proxy {
    /// Passes every request on, and who sent it as `says` has it.
    async fn before(server: SocketAddr, says: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("haproxy.cfg");
        let config = format!(
            "global
    maxconn 400
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend clients
    bind {address}
    {says}
    default_backend service
backend service
    server one {server}
"
        );
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("haproxy");
        let process = Process::start(command.arg("-db").arg("-f").arg(file));
        let proxy = Self {
            address,
            _process: process,
            _folder: folder,
        };
        let listens = async || TcpStream::connect(address).await.ok().map(drop);
        until_told("a proxy that listens", listens).await;
        proxy
    }

    /// Statuses of two requests that a client with an address of its own sends;
    /// it claims to be somebody else.
    async fn asked_by(&self, client: u16) -> [u16; 2] {
        let [high, low] = client.to_be_bytes();
        let socket = TcpSocket::new_v4().unwrap();
        let own = Ipv4Addr::new(127, 9, high, low.max(1));
        socket.bind((own, 0).into()).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let ask = |last: &str| {
            format!("GET / HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6\r\n{last}\r\n")
        };
        let both = ask("") + &ask("connection: close\r\n");
        stream.write_all(both.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let mut statuses = answer.match_indices("HTTP/1.1 ").map(|(at, start)| {
            let status = &answer[at + start.len()..][..3];
            status.parse().unwrap()
        });
        [(); 2].map(|()| statuses.next().unwrap_or_default())
    }

    async fn asked_by_all(&self) -> Vec<[u16; 2]> {
        // Low bytes from 1 on, so that no two clients have one address.
        let clients = (0..CLIENTS).map(|at| (at / 250) * 256 + at % 250 + 1);
        let asking = futures_util::stream::iter(clients).map(|client| self.asked_by(client));
        asking.buffer_unordered(32).collect().await
    }
}

fn limited(trust: Trust) -> (Plimsoll, Lines) {
    let limit = Limit::per_client().quota(Quota::per_hour(1));
    instance(|builder| builder.limit(limit).trust(trust))
}

fn app(plimsoll: &Plimsoll) -> Router {
    Router::new()
        .route("/", on_get(async || "ok"))
        .layer(plimsoll.layer())
}

fn decided(plimsoll: &Plimsoll, decision: &str) -> u64 {
    let page = plimsoll.telemetry().render();
    let label = format!("decision=\"{decision}\"");
    metric(&page, "plimsoll_ratelimit_decisions_total", &[&label]) as u64
}

#[tokio::test]
async fn with_the_proxy_named_each_client_is_a_key_of_its_own() {
    let forwarded = "http-request set-header Forwarded \"for=%[src];proto=http\"";
    for (says, header) in [
        ("option forwardfor", Forwarding::XForwardedFor),
        (forwarded, Forwarding::Forwarded),
    ] {
        let trust: Trust = "127.0.0.1".parse().unwrap();
        let (plimsoll, _) = limited(trust.told_by(header));
        let proxy = Proxy::before(serve(app(&plimsoll)).await, says).await;
        let answers = proxy.asked_by_all().await;
        assert!(
            answers.iter().all(|both| *both == [200, 429]),
            "{answers:?}"
        );
        assert_eq!(decided(&plimsoll, "allow"), u64::from(CLIENTS));
        assert_eq!(decided(&plimsoll, "deny"), u64::from(CLIENTS));
    }
}

#[tokio::test]
async fn with_no_proxy_named_nobody_is_refused_and_one_warning_says_why() {
    let (plimsoll, lines) = limited(Trust::nobody());
    let subscriber = tracing_subscriber::registry().with(plimsoll.tracing_layer());
    let _here = tracing::subscriber::set_default(subscriber);
    let proxy = Proxy::before(serve(app(&plimsoll)).await, "option forwardfor").await;
    let answers = proxy.asked_by_all().await;
    assert!(
        answers.iter().all(|both| *both == [200, 200]),
        "{answers:?}"
    );
    let asked = u64::from(CLIENTS) * 2;
    assert_eq!(decided(&plimsoll, "observed_unnamed_proxy"), asked - 1);
    lines.requests(usize::from(CLIENTS) * 2).await;
    let warnings = lines
        .all()
        .into_iter()
        .filter(|line| line["level"] == "WARN");
    let warnings: Vec<_> = warnings
        .filter(|line| line["target"] != "plimsoll::access")
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0]["code"], "LIM-001");
    let page = plimsoll.telemetry().render();
    let found = metric(&page, "plimsoll_ratelimit_findings_total", &["LIM-001"]);
    assert_eq!(found as u64, asked);
}
