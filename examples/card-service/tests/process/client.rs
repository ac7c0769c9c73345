//! A client that keeps its connection until it is told to close it.

use std::iter::Sum;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval_at, timeout};

/// Answers after which a client has seen enough for the signal to come.
const ENOUGH: u64 = 5;

/// What a client saw.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Requests it wanted to send.
    pub(crate) attempts: u64,
    /// Requests with a complete answer.
    pub(crate) answered: u64,
    /// Requests written whole, without a complete answer.
    pub(crate) lost: u64,
    /// Connections refused: nothing was written.
    pub(crate) refused: u64,
    /// Answers that are not those of a service at rest.
    pub(crate) wrong: Vec<String>,
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, one| Self {
            attempts: sum.attempts + one.attempts,
            answered: sum.answered + one.answered,
            lost: sum.lost + one.lost,
            refused: sum.refused + one.refused,
            wrong: [sum.wrong, one.wrong].concat(),
        })
    }
}

/// Asks every 100 ms until a connection is refused or a request is lost.
pub(crate) async fn run(number: usize, address: SocketAddr, enough: Arc<Semaphore>) -> Tally {
    let mut tally = Tally::default();
    let mut connection: Option<TcpStream> = None;
    // Spread evenly, so that the signal always meets some on their way.
    let begin = Instant::now() + Duration::from_micros(500 * number as u64);
    let mut pace = interval_at(begin, Duration::from_millis(100));
    // Every tenth card from the first is active.
    let card = number % 60 * 10 + 1;
    loop {
        pace.tick().await;
        tally.attempts += 1;
        let kept = connection.take();
        let mut stream = if let Some(stream) = kept {
            stream
        } else if let Ok(stream) = TcpStream::connect(address).await {
            stream
        } else {
            tally.refused += 1;
            return tally;
        };
        let post = tally.attempts.is_multiple_of(4);
        let (request, expected) = request(card, post);
        if stream.write_all(request.as_bytes()).await.is_err() {
            tally.lost += 1;
            return tally;
        }
        let read = timeout(Duration::from_secs(30), answer(&mut stream)).await;
        let Some((status, head, body)) = read.ok().flatten() else {
            tally.lost += 1;
            return tally;
        };
        tally.answered += 1;
        if status != expected.0 || !body.contains(&expected.1) {
            tally.wrong.push(format!("{status} {body}"));
        }
        if tally.answered == ENOUGH {
            enough.add_permits(1);
        }
        if !head.contains("connection: close") {
            connection = Some(stream);
        }
    }
}

/// A request, and the status and text of the answer it has at rest.
fn request(card: usize, post: bool) -> (String, (u16, String)) {
    if post {
        let body = format!(
            "{{\"card_id\":\"crd_{card:07}\",\"amount_minor\":1,\"currency\":\"XXX\",\"merchant\":\"Kiosk\"}}"
        );
        let request = format!(
            "POST /v1/transactions HTTP/1.1\r\nhost: cards\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // No account has this currency, so the answer is the same however often it is sent.
        return (request, (422, "CARD-1007".into()));
    }
    let path = format!("/v1/cards/crd_{card:07}");
    let request = format!("GET {path} HTTP/1.1\r\nhost: cards\r\n\r\n");
    (request, (200, format!("\"id\":\"crd_{card:07}\"")))
}

/// Status, head in lower case and body of one answer with a declared length.
pub(crate) async fn answer(stream: &mut TcpStream) -> Option<(u16, String, String)> {
    let mut bytes = Vec::new();
    let (head, begin) = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            break (head.to_ascii_lowercase(), end + 4);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let length = head.split("content-length: ").nth(1)?;
    let length: usize = length.lines().next()?.trim().parse().ok()?;
    while bytes.len() < begin + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = String::from_utf8(bytes[begin..begin + length].to_vec()).ok()?;
    Some((status, head, body))
}

/// Sends one request on a connection of its own and reads until it is closed.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    raw(address, request.as_bytes()).await
}

/// Sends these bytes on a connection of its own and reads until it is closed.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let answer = plimsoll_testkit::http::raw(address, request).await;
    String::from_utf8_lossy(&answer).into_owned()
}
