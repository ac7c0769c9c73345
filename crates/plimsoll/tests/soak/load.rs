//! A steady mix of requests, each of whose answers is known.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Request};
use plimsoll_testkit::http::Connection;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

const VISITORS: u32 = 8;

/// Method, path, what is sent, status, length of the answer if it is ours to know.
const MIX: [(Method, &str, &str, u16, Option<usize>); 10] = [
    (Method::GET, "/ok", "", 200, Some(2)),
    (Method::GET, "/cards/1", "", 200, Some(6)),
    (Method::GET, "/cards/2", "", 200, Some(6)),
    (Method::POST, "/echo", "0123456789", 200, Some(10)),
    (Method::GET, "/stream", "", 200, Some(1_000)),
    (Method::GET, "/ok", "", 200, Some(2)),
    (Method::HEAD, "/ok", "", 200, Some(0)),
    (Method::GET, "/nowhere", "", 404, None),
    (Method::GET, "/fault", "", 502, None),
    (Method::GET, "/panic", "", 500, None),
];

/// Requests until it is stopped.
pub(crate) struct Load {
    running: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    visitors: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, rate: u32) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        let sent = Arc::<AtomicU64>::default();
        let visitors = (0..VISITORS)
            .map(|_| {
                let (running, sent) = (Arc::clone(&running), Arc::clone(&sent));
                tokio::spawn(visit(address, rate, running, sent))
            })
            .collect();
        Self {
            running,
            sent,
            visitors,
        }
    }

    /// Returns how many requests were sent and what went wrong.
    pub(crate) async fn stop(self) -> (u64, Vec<String>) {
        self.running.store(false, Ordering::Relaxed);
        let mut failures = Vec::new();
        for visitor in self.visitors {
            failures.extend(visitor.await.unwrap());
        }
        (self.sent.load(Ordering::Relaxed), failures)
    }
}

async fn visit(
    address: SocketAddr,
    rate: u32,
    running: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
) -> Vec<String> {
    let mut failures = Vec::new();
    let mut connection = Connection::open(address).await;
    let mut tick = interval(Duration::from_secs(1) * VISITORS / rate);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (method, path, body, status, length) in MIX.iter().cycle() {
        if !running.load(Ordering::Relaxed) {
            break;
        }
        tick.tick().await;
        let request = Request::builder().method(method).uri(*path);
        sent.fetch_add(1, Ordering::Relaxed);
        let answer = connection.try_ask(request.body(*body).unwrap()).await;
        match answer {
            Ok(answer) => {
                let whole = length.is_none_or(|length| answer.body().len() == length);
                if answer.status() != *status || !whole {
                    failures.push(format!("{method} {path}: {answer:?}"));
                }
            }
            Err(error) => {
                failures.push(format!("{method} {path}: {error}"));
                connection = Connection::open(address).await;
            }
        }
    }
    failures
}
