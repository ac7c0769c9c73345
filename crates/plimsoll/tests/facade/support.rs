//! An instance whose lines are kept, a server for any service, a raw client.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use plimsoll::{Builder, Format, PeerAddr, Plimsoll};
pub(crate) use plimsoll_testkit::capture::Lines;
pub(crate) use plimsoll_testkit::wait::until;
use tokio::net::TcpListener;
use tower::ServiceExt;

/// An instance that owes nothing to the process's environment.
pub(crate) fn instance(change: impl FnOnce(Builder) -> Builder) -> (Plimsoll, Lines) {
    let lines = Lines::default();
    let output = lines.clone();
    let builder = Plimsoll::builder("facade-test")
        .env(Vec::new)
        .telemetry(|telemetry| telemetry.format(Format::Json).log_output(output));
    (change(builder).build().unwrap(), lines)
}

/// Serves a router on a free port of the loopback until the test ends.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let app = app.clone();
            let service = hyper::service::service_fn(move |request: Request<_>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(PeerAddr(peer));
                app.clone().oneshot(request)
            });
            tokio::spawn(async move {
                let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
                let _ = connection.await;
            });
        }
    });
    address
}

/// Sends bytes on a connection of its own and reads until it is closed.
pub(crate) async fn raw(address: SocketAddr, request: &str) -> String {
    let answer = plimsoll_testkit::http::raw(address, request.as_bytes()).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, "GET", path).await
}

pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    raw(
        address,
        &format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"),
    )
    .await
}

/// The status of a raw answer; 0 when there is none.
pub(crate) fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

/// The value of the one series with this name and these label pairs.
pub(crate) fn metric(page: &str, name: &str, labels: &[&str]) -> f64 {
    let of = |line: &&str| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    };
    page.lines()
        .filter(of)
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

/// Flushes and ends an instance, off the runtime.
pub(crate) async fn shut(plimsoll: Plimsoll, limit: std::time::Duration) -> plimsoll::Report {
    tokio::task::spawn_blocking(move || plimsoll.shutdown(limit))
        .await
        .unwrap()
}
