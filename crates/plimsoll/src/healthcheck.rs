//! A service's own binary as its health check, for images that have no shell
//! and no curl (Docker's `HEALTHCHECK`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Builder;

/// How long the running service may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 16 * 1024;

/// The running service is not ready, or cannot be asked. Docker knows one exit
/// code for both: 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unhealthy {
    /// There is no status listener whose address could be known.
    #[error(
        "the status listener is off or on any free port: give it a fixed one, as in PLIMSOLL_STATUS=127.0.0.1:8081"
    )]
    NoAddress,
    /// Nobody answers there.
    #[error("no answer from {address}: {problem}")]
    NoAnswer {
        /// The status listener.
        address: SocketAddr,
        /// What happened instead.
        problem: String,
    },
    /// It answers that it is not ready.
    #[error("not ready: {0}")]
    NotReady(String),
}

impl Builder {
    /// Asks the running service, at the address of the status listener that
    /// settings and code give it, whether it is ready.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() {
    /// use plimsoll::Plimsoll;
    ///
    /// let address: std::net::SocketAddr = "127.0.0.1:8081".parse().unwrap();
    /// let builder = Plimsoll::builder("card-service").status(address);
    /// if let Err(why) = builder.healthcheck().await {
    ///     eprintln!("{why}");
    ///     std::process::exit(1);
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When it is not ready, or there is no answer within three seconds.
    pub async fn healthcheck(mut self) -> Result<(), Unhealthy> {
        let (settings, _) = self.settings();
        self.apply(&settings);
        let address = self.status.filter(|address| address.port() != 0);
        let address = reachable(address.ok_or(Unhealthy::NoAddress)?);
        let no_answer = |problem| Unhealthy::NoAnswer { address, problem };
        let asked = timeout(PATIENCE, ask(address)).await;
        let answer =
            asked.map_err(|_| no_answer(format!("none within {} s", PATIENCE.as_secs())))?;
        let answer = answer.map_err(|error| no_answer(error.to_string()))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        match head.split(' ').nth(1) {
            Some("200") => Ok(()),
            Some("503") => Err(Unhealthy::NotReady(failing(body))),
            _ => Err(no_answer("it is no Plimsoll service".into())),
        }
    }
}

/// An address to listen on everywhere is asked at the loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /readyz?verbose HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The rows that fail: `[-]database failed: ..`.
fn failing(body: &str) -> String {
    let rows: Vec<_> = body.lines().filter(|row| row.starts_with("[-]")).collect();
    rows.join(", ")
}
