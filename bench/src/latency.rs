//! Time to an answer at a fixed rate of arrivals, from the intended time.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use plimsoll_bench_ours::Fault;
use plimsoll_bench_ours::measure::{Bench, Case};
use plimsoll_loadtest::pacer::Pacer;
use plimsoll_loadtest::schedule::{Arrivals, Rate, Schedule};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::measures::{BARE, WHOLE};
use crate::progress::Progress;
use crate::results::{Latency, Spread};
use crate::throughput::{LOAD_CORE, SERVICE_CORE};

/// Connections; each has its share of the arrivals on a schedule of its own, and
/// what is late waits on it. The sum of Poisson arrivals is Poisson.
const CONNECTIONS: u32 = 64;

/// Sends requests at a fixed rate to a service and prints [`Answers`] as JSON.
#[derive(Debug, Clone, clap::Args)]
pub struct ArrivalsArgs {
    /// Address of the service
    pub address: SocketAddr,
    /// Requests a second
    #[arg(long, default_value_t = 17_200.0)]
    pub rate: f64,
    /// For how long
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
}

/// What the client saw.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answers {
    /// Answers with status 200.
    pub count: u64,
    /// Microseconds from the intended time within which half were there.
    pub p50_micros: f64,
    /// Within which 99 of 100 were.
    pub p99_micros: f64,
}

/// Runs the client in this process.
///
/// # Errors
///
/// When a connection breaks, or an answer is not 200.
pub fn arrivals(args: &ArrivalsArgs) -> Result<Answers, Fault> {
    let rate = Rate::per_second(args.rate / f64::from(CONNECTIONS)).ok_or("no such rate")?;
    let length = Duration::from_secs(args.seconds);
    let histogram = Arc::new(Mutex::new(Histogram::<u64>::new(3)?));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let start = Instant::now() + Duration::from_millis(200);
        let mut connections = tokio::task::JoinSet::new();
        for seed in 0..CONNECTIONS {
            let schedule = Schedule::new(Arrivals::Poisson, rate, length, u64::from(seed));
            let stream = TcpStream::connect(args.address).await?;
            let histogram = Arc::clone(&histogram);
            connections.spawn(connection(stream, schedule, start, histogram));
        }
        while let Some(ended) = connections.join_next().await {
            ended??;
        }
        Ok::<_, Fault>(())
    })?;
    let histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
    let micros = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Answers {
        count: histogram.len(),
        p50_micros: micros(0.5),
        p99_micros: micros(0.99),
    })
}

async fn connection(
    mut stream: TcpStream,
    schedule: Schedule,
    start: Instant,
    histogram: Arc<Mutex<Histogram<u64>>>,
) -> Result<(), Fault> {
    const REQUEST: &[u8] =
        b"GET /cards/crd_0000001 HTTP/1.1\r\nhost: cards.example\r\nuser-agent: bench/1.0\r\naccept: application/json\r\n\r\n";
    stream.set_nodelay(true)?;
    let mut pacer = Pacer::precise()?;
    let mut buffer = Vec::with_capacity(4_096);
    for offset in schedule {
        let due = start + offset;
        pacer.until(due).await?;
        stream.write_all(REQUEST).await?;
        buffer.clear();
        while !is_whole(&buffer)? {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err("the service closed a connection".into());
            }
        }
        let took = due.elapsed().as_nanos() as u64;
        let mut histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
        histogram.record(took)?;
    }
    Ok(())
}

/// Whether a whole answer is there; one that is not 200 is a fault.
fn is_whole(answer: &[u8]) -> Result<bool, Fault> {
    let text = std::str::from_utf8(answer)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(false);
    };
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(format!("the service answered {head:?}").into());
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>())
    });
    Ok(body.len() >= length.ok_or("an answer without a length")??)
}

/// Alternating rounds of all stacks at one rate; the client is a process of its own.
///
/// # Errors
///
/// When a service fails, or fewer than 99 of 100 arrivals were answered.
pub fn measure(
    bench: &Bench,
    rounds: usize,
    rate: f64,
    seconds: u64,
) -> Result<Vec<Latency>, Fault> {
    let progress = Progress::new("latency", rounds * (WHOLE.len() + 1));
    let one = |case: &Case| -> Result<Answers, Fault> {
        let server = bench.serve(case, &SERVICE_CORE)?;
        let [tool, arguments @ ..] = LOAD_CORE;
        let run = |seconds: u64| -> Result<Answers, Fault> {
            let output = Command::new(tool)
                .args(arguments)
                .arg(std::env::current_exe()?)
                .args(["arrivals", &server.address().to_string()])
                .args(["--rate", &rate.to_string()])
                .args(["--seconds", &seconds.to_string()])
                .output()?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{case}: {said}").into());
            }
            Ok(serde_json::from_slice(&output.stdout)?)
        };
        run(1)?;
        let answers = run(seconds)?;
        let expected = rate * seconds as f64;
        if (answers.count as f64) < 0.98 * expected {
            return Err(format!("{case}: {} of {expected} arrivals", answers.count).into());
        }
        progress.step(&case.to_string());
        Ok(answers)
    };
    let mut all = vec![Vec::new(); WHOLE.len() + 1];
    for _ in 0..rounds {
        let bare = one(&BARE)?;
        for (case, all) in WHOLE.iter().zip(&mut all[1..]) {
            all.push((one(case)?, bare.p50_micros));
        }
        let p50 = bare.p50_micros;
        all[0].push((bare, p50));
    }
    let summary = |(case, answers): (&Case, Vec<(Answers, f64)>)| {
        let spread = |of: &dyn Fn(&(Answers, f64)) -> f64| {
            Spread::of(answers.iter().map(of).collect()).unwrap_or_default()
        };
        Latency {
            case: case.to_string(),
            p50_micros: spread(&|(answers, _)| answers.p50_micros),
            p99_micros: spread(&|(answers, _)| answers.p99_micros),
            p50_by_bare: spread(&|(answers, bare)| answers.p50_micros / bare),
        }
    };
    let cases = std::iter::once(&BARE).chain(&WHOLE);
    Ok(cases.zip(all).map(summary).collect())
}
