//! How fast probes answer while the service is at four fifths of its capacity:
//! the median of five runs, of `PLIMSOLL_SOAK_PROBE_SECONDS` each (3), of the time
//! within which 99 of 100 are answered. Of two idle cores and of optimised code, so
//! on demand alone.
//!
//! Where the one core is never idle, what is left is the wait for it: a thread that
//! becomes ready gets its turn at the scheduler's next tick (4 ms at 250 Hz) or when
//! the worker sleeps, whichever is first.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use plimsoll_testkit::process::{Process, Signal, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use crate::service;

/// The service has a core of its own, and so has the load.
const SERVICE_CORE: &str = "0";
const LOAD_CORE: &str = "1";

const RUNS: usize = 5;
const MOST: Duration = Duration::from_millis(5);

const CONNECTIONS: u32 = 32;
/// A probe each, as many clients of probes would.
const PAUSE: Duration = Duration::from_millis(10);

/// Keeps all threads of a process on one core.
async fn pin(process: u32, core: &str) {
    let mut command = Command::new("taskset");
    command.args(["-a", "-c", "-p", core, &process.to_string()]);
    assert!(run(command).await.status.success(), "two cores are needed");
}

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

/// Sends so many requests a second; late ones wait.
fn load(address: SocketAddr, per_second: f64) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    let pause = Duration::from_secs_f64(f64::from(CONNECTIONS) / per_second);
    let begin = tokio::time::Instant::now();
    for number in 0..CONNECTIONS {
        let mut tick = interval_at(begin + pause * number / CONNECTIONS, pause);
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        clients.spawn(ask(address, tick));
    }
    clients
}

/// Asks on one connection for ever. By hand: what a client library would take of
/// the core, the prober beside it would wait for.
async fn ask(address: SocketAddr, mut tick: Interval) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answer = Vec::with_capacity(1_024);
    loop {
        tick.tick().await;
        let request = b"GET /cards/1 HTTP/1.1\r\nhost: load\r\n\r\n";
        stream.write_all(request).await.unwrap();
        answer.clear();
        while !answer.ends_with(b"\r\n\r\na card") {
            let read = stream.read_buf(&mut answer).await.unwrap();
            assert!(read > 0, "closed after {answer:?}");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
    }
}

/// One probe, on a connection of its own.
#[derive(Debug, Clone, Copy)]
struct Took {
    /// From before the connection until it was closed, less what this thread was
    /// ready and waited for its core: beside the load that is no time of the
    /// service's.
    time: Duration,
    /// What the thread of the probes was ready and waited for its core.
    waited: Duration,
    /// How often that thread ran.
    turns: u64,
}

/// Probes for so long, from a thread of its own, which stands at this path as does
/// that of the service's probes at the other.
fn probes(status: SocketAddr, length: Duration, theirs: &Path) -> Vec<Took> {
    let own = Path::new("/proc/thread-self");
    let (begin, mut all) = (Instant::now(), Vec::new());
    let mut due = begin;
    while begin.elapsed() < length {
        let (own_before, theirs_before) = (Turns::of(own), Turns::of(theirs));
        let asked = Instant::now();
        let mut stream = TcpStream::connect(status).unwrap();
        let request = b"GET /readyz HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let took = asked.elapsed();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (own, theirs) = (Turns::of(own), Turns::of(theirs));
        all.push(Took {
            time: took.saturating_sub(own.waited.saturating_sub(own_before.waited)),
            waited: theirs.waited.saturating_sub(theirs_before.waited),
            turns: theirs.count - theirs_before.count,
        });
        due += PAUSE;
        let rest = due.saturating_duration_since(Instant::now());
        std::thread::park_timeout(rest);
    }
    all
}

/// The second and third number of a thread's `schedstat` (Linux, sched-stats.rst).
struct Turns {
    waited: Duration,
    count: u64,
}

impl Turns {
    fn of(thread: &Path) -> Self {
        let stat = std::fs::read_to_string(thread.join("schedstat")).unwrap();
        let mut numbers = stat.split_whitespace().skip(1);
        let mut next = || numbers.next().unwrap().parse::<u64>().unwrap();
        Self {
            waited: Duration::from_nanos(next()),
            count: next(),
        }
    }
}

/// Where the thread of the service's probes stands.
fn thread_of_probes(service: &Process) -> PathBuf {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", service.id())).unwrap();
    let name = |task: &PathBuf| std::fs::read_to_string(task.join("comm")).unwrap();
    tasks
        .map(|task| task.unwrap().path())
        .find(|task| name(task) == "plimsoll-status\n")
        .unwrap()
}

/// What 99 of 100 stay within.
fn p99(all: &[Took], part: impl Fn(&Took) -> Duration) -> Duration {
    let mut parts: Vec<Duration> = all.iter().map(part).collect();
    parts.sort_unstable();
    parts[parts.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "tells nothing while other tests share the cores; `make soak` runs it"]
async fn probes_answer_while_the_service_is_at_four_fifths_of_its_capacity() {
    let seconds = std::env::var("PLIMSOLL_SOAK_PROBE_SECONDS");
    let seconds: u64 = seconds.map_or(3, |text| text.parse().unwrap());
    pin(std::process::id(), LOAD_CORE).await;
    let service = service::start_for_one_core();
    let (address, status) = (
        service.address("service").await,
        service.address("status").await,
    );
    pin(service.id(), SERVICE_CORE).await;
    let mut all = Vec::new();
    for _ in 0..RUNS {
        let capacity = capacity(address).await;
        let mut clients = load(address, capacity * 0.8);
        let length = Duration::from_secs(seconds);
        let theirs = thread_of_probes(&service);
        let took = spawn_blocking(move || probes(status, length, &theirs));
        let took = took.await.unwrap();
        let ended = clients.try_join_next();
        assert!(ended.is_none(), "{ended:?}");
        drop(clients);
        let time = p99(&took, |took| took.time);
        let waited = p99(&took, |took| took.waited);
        let turns = took.iter().map(|took| took.turns).sum::<u64>() as f64 / took.len() as f64;
        eprintln!(
            "{capacity:.0} requests a second at most; at 80 % p99 of /readyz {time:?}, of which for a core {waited:?}; {turns:.1} turns a probe"
        );
        all.push(time);
    }
    all.sort_unstable();
    let median = all[all.len() / 2];
    assert!(median < MOST, "{all:?}");
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}
