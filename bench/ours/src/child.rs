//! What a measured process does: builds one stack and calls it, or serves it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tower_service::Service as _;

use crate::counting::{self, Counts};
use crate::stack::{Built, Setup, Stack, find};
use crate::workload::{Events, request};
use crate::{Fault, valgrind};

/// The seed of the ids on the request's thread.
const SEED: u64 = 7;

/// Which stack, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct StackArgs {
    /// The stack's name
    pub stack: String,
    /// Share of requests whose spans are kept, 0 to 1
    #[arg(long, default_value_t = 0.01)]
    pub sampling: f64,
    /// What the handler emits
    #[arg(long, value_enum, default_value_t)]
    pub events: Events,
    /// Full address of an OTLP traces endpoint; the default is one where nobody listens
    #[arg(long, default_value = "http://127.0.0.1:9/v1/traces")]
    pub otlp: String,
}

/// Calls a stack in this process and prints a line of JSON: [`Done`].
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Which stack
    #[command(flatten)]
    pub stack: StackArgs,
    /// How many requests are measured
    #[arg(short = 'n', long, default_value_t = 20_000)]
    pub requests: u64,
    /// How many go before
    #[arg(long, default_value_t = 2_000)]
    pub warm_up: u64,
    /// Count allocations
    #[arg(long)]
    pub count: bool,
    /// Say how large the process is after so many requests
    #[arg(long, value_delimiter = ',')]
    pub rss_at: Vec<u64>,
}

/// Serves a stack on a port of the loopback, until standard input ends.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    /// Which stack
    #[command(flatten)]
    pub stack: StackArgs,
}

/// What a run was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Done {
    /// Requests measured.
    pub requests: u64,
    /// Bytes of their answers.
    pub bytes: u64,
    /// Nanoseconds of all threads on a processor, the last flush included.
    pub cpu_nanoseconds: u64,
    /// Allocations from the first request to the end of the last flush.
    pub allocations: Counts,
    /// KiB resident after the counts that were asked for.
    pub rss_kib: Vec<u64>,
    /// Spans and lines that were lost, so that cost too little.
    pub lost: u64,
}

fn build(stacks: &[Stack], args: &StackArgs) -> Result<Built, Fault> {
    fastrand::seed(SEED);
    let stack = find(stacks, &args.stack)?;
    (stack.build)(&Setup {
        sampling: args.sampling,
        otlp: args.otlp.clone(),
        events: args.events,
    })
}

/// One thread for requests; what signals need, they start themselves.
fn runtime() -> Result<Runtime, Fault> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}

/// Runs a stack and prints what it was.
///
/// # Errors
///
/// When there is no such stack, or it answers with another status than it should.
pub fn run(stacks: &[Stack], args: &RunArgs) -> Result<(), Fault> {
    let runtime = runtime()?;
    let entered = runtime.enter();
    let Built { mut app, finish } = build(stacks, &args.stack)?;
    drop(entered);
    let status = args.stack.events.status();
    runtime.block_on(call(app.as_mut(), status, args.warm_up, &mut |_| Ok(())))?;

    let mut rss_kib = Vec::new();
    let mut watch = |done: u64| {
        if args.rss_at.contains(&done) {
            rss_kib.push(resident_kib()?);
        }
        Ok(())
    };
    if args.count {
        counting::start();
    }
    valgrind::start();
    let begin = cpu_nanoseconds();
    let bytes = runtime.block_on(call(app.as_mut(), status, args.requests, &mut watch))?;
    let lost = finish()?;
    valgrind::stop();
    let cpu_nanoseconds = cpu_nanoseconds() - begin;
    let allocations = counting::counts();
    let done = Done {
        requests: args.requests,
        bytes,
        cpu_nanoseconds,
        allocations,
        rss_kib,
        lost,
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&done)?)?;
    Ok(())
}

async fn call(
    mut app: Option<&mut Router>,
    status: StatusCode,
    requests: u64,
    after: &mut dyn FnMut(u64) -> Result<(), Fault>,
) -> Result<u64, Fault> {
    let mut bytes = 0;
    for number in 0..requests {
        let request = request(number)?;
        match &mut app {
            Some(app) => bytes += answer(app, request, status).await?,
            None => drop(std::hint::black_box(request)),
        }
        after(number + 1)?;
    }
    Ok(bytes)
}

async fn answer(
    app: &mut Router,
    request: http::Request<Body>,
    status: StatusCode,
) -> Result<u64, Fault> {
    let response = app
        .call(request)
        .await
        .unwrap_or_else(|never| match never {});
    if response.status() != status {
        return Err(format!("the stack answered {}", response.status()).into());
    }
    let mut bytes = 0;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, bytes::Bytes::len);
    }
    Ok(bytes as u64)
}

/// What the process's threads have used of processors, those that ended included;
/// 0 under Valgrind, where it would tell nothing.
fn cpu_nanoseconds() -> u64 {
    if valgrind::is_running() {
        return 0;
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The process's resident memory, as the kernel counts it.
fn resident_kib() -> Result<u64, Fault> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(number.ok_or("no VmRSS in /proc/self/status")?.parse()?)
}

/// Serves a stack: prints its address, ends with standard input, prints [`Done`].
///
/// # Errors
///
/// When there is no such stack or no port.
pub fn serve(stacks: &[Stack], args: &ServeArgs) -> Result<(), Fault> {
    let runtime = runtime()?;
    let entered = runtime.enter();
    let Built { app, finish } = build(stacks, &args.stack)?;
    drop(entered);
    let app = app.ok_or("this stack has no service")?;
    let (close, closed) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Whatever ends the pipe ends the service.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(close);
    });
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::select! {
            served = axum::serve(listener, app) => served.map_err(Fault::from),
            _ = closed => Ok(()),
        }
    })?;
    let done = Done {
        requests: 0,
        bytes: 0,
        cpu_nanoseconds: cpu_nanoseconds(),
        allocations: Counts::default(),
        rss_kib: vec![resident_kib()?],
        lost: finish()?,
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&done)?)?;
    Ok(())
}
