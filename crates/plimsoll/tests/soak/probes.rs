//! How fast probes answer while the service is at four fifths of its capacity:
//! the median of five runs, of `PLIMSOLL_SOAK_PROBE_SECONDS` each (3), of the time
//! within which 99 of 100 are answered. Of two idle cores, so on demand alone.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use plimsoll_testkit::http::Connection;
use plimsoll_testkit::process::{Signal, run};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use crate::service;

/// The service has a core of its own, and so has the load.
const SERVICE_CORE: &str = "0";
const LOAD_CORE: &str = "1";

const RUNS: usize = 5;
const MOST: Duration = Duration::from_millis(5);

const CONNECTIONS: u32 = 32;
/// A probe each, as many clients of probes would.
const PAUSE: Duration = Duration::from_millis(10);

/// Requests a second that the service can answer, by wrk.
async fn capacity(address: SocketAddr) -> f64 {
    let mut command = Command::new("taskset");
    command
        .args(["-c", LOAD_CORE, "wrk", "-t1", "-c32", "-d2s"])
        .arg(format!("http://{address}/cards/1"));
    let output = run(command).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("Non-2xx"), "{said}");
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    line.unwrap_or_else(|| panic!("wrk: {said}; `make tools` installs it"))
        .trim()
        .parse()
        .unwrap()
}

/// Sends so many requests a second until it is dropped; late ones wait.
fn load(address: SocketAddr, per_second: f64) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    let pause = Duration::from_secs_f64(f64::from(CONNECTIONS) / per_second);
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut tick = interval(pause);
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                tick.tick().await;
                let request = http::Request::get("/cards/1").body("").unwrap();
                assert_eq!(connection.ask(request).await.status(), 200);
            }
        });
    }
    clients
}

/// Within how long 99 of 100 probes were answered, each on a connection of its
/// own. On a thread of its own: its turn among the load's clients is no time of
/// the service's.
fn p99(status: SocketAddr, length: Duration) -> Duration {
    let (begin, mut took) = (Instant::now(), Vec::new());
    let mut due = begin;
    while begin.elapsed() < length {
        let asked = Instant::now();
        let mut stream = TcpStream::connect(status).unwrap();
        let request = b"GET /readyz HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        took.push(asked.elapsed());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        due += PAUSE;
        let rest = due.saturating_duration_since(Instant::now());
        std::thread::park_timeout(rest);
    }
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "tells nothing while other tests share the cores; `make soak` runs it"]
async fn probes_answer_while_the_service_is_at_four_fifths_of_its_capacity() {
    let seconds = std::env::var("PLIMSOLL_SOAK_PROBE_SECONDS");
    let seconds: u64 = seconds.map_or(3, |text| text.parse().unwrap());
    let mut own = Command::new("taskset");
    own.args(["-a", "-c", "-p", LOAD_CORE, &std::process::id().to_string()]);
    assert!(run(own).await.status.success(), "two cores are needed");
    let service = service::start_on(SERVICE_CORE);
    let (address, status) = (
        service.address("service").await,
        service.address("status").await,
    );
    let mut all = Vec::new();
    for _ in 0..RUNS {
        let capacity = capacity(address).await;
        let clients = load(address, capacity * 0.8);
        let length = Duration::from_secs(seconds);
        let p99 = spawn_blocking(move || p99(status, length)).await.unwrap();
        drop(clients);
        eprintln!("{capacity:.0} requests a second at most; at 80 % p99 of /readyz {p99:?}");
        all.push(p99);
    }
    all.sort_unstable();
    let median = all[all.len() / 2];
    assert!(median < MOST, "{all:?}");
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}
