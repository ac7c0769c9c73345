//! One turn, in a process of its own.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use plimsoll_bench_ours::Fault;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::who::{Decides, Fred, Ours, RedisRs, Who};
use super::{KEYS, leased};

/// Decides for a while, on the keys in no order, and prints how it went.
#[derive(Debug, Args)]
pub struct ChildArgs {
    /// Which limiter
    who: Who,
    /// The server's host and port
    address: String,
    /// Requests under way at a time
    concurrency: usize,
    /// Milliseconds that are counted, after a quarter as many that are not
    millis: u64,
}

/// How a turn went.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Turn {
    /// Decisions that were counted.
    pub decisions: u64,
    /// Those of the warm-up.
    pub before: u64,
    /// How long it took.
    pub seconds: f64,
    /// Half of the decisions were there.
    pub p50_micros: f64,
    /// 99 of 100 were.
    pub p99_micros: f64,
    /// Decisions without an answer.
    pub failures: u64,
    /// Steps that the server was asked for while it was counted.
    pub calls: u64,
}

/// The child.
///
/// # Errors
///
/// When the server does not answer or a request is refused.
pub fn run(args: &ChildArgs) -> Result<(), Fault> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    let said = runtime.block_on(async {
        let address = &*args.address;
        let turn = match args.who {
            Who::Ours => race(Ours::connect(address)?, args).await?,
            Who::RedisRs => race(RedisRs::connect(address).await?, args).await?,
            Who::Fred => race(Fred::connect(address).await?, args).await?,
            Who::Leased => leased::race(address, args.concurrency, args.turn()).await?,
            Who::Overshoot => {
                let told = leased::overshoot(address, args.turn()).await?;
                return Ok::<_, Fault>(serde_json::to_string(&told)?);
            }
        };
        Ok(serde_json::to_string(&turn)?)
    })?;
    Ok(writeln!(std::io::stdout(), "{said}")?)
}

impl ChildArgs {
    fn turn(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// The keys, as ours names them.
pub(super) fn keys() -> Arc<[Arc<str>]> {
    let name = |at: usize| Arc::from(format!("pl:{{{at:032x}}}:per-client"));
    (0..KEYS).map(name).collect()
}

async fn race(who: impl Decides, args: &ChildArgs) -> Result<Turn, Fault> {
    let (who, keys) = (Arc::new(who), keys());
    let counting = Arc::new(AtomicBool::new(false));
    let over = Arc::new(AtomicBool::new(false));
    let (before, denied) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut tasks = JoinSet::new();
    for _ in 0..args.concurrency {
        let (who, keys) = (Arc::clone(&who), Arc::clone(&keys));
        let (counting, over) = (Arc::clone(&counting), Arc::clone(&over));
        let (before, denied) = (Arc::clone(&before), Arc::clone(&denied));
        tasks.spawn(async move {
            let (mut waits, mut failures) = (Vec::new(), 0_u64);
            while !over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let told = who.decide(&keys[fastrand::usize(..KEYS)]).await;
                if told == Some(false) {
                    denied.fetch_add(1, Ordering::Relaxed);
                }
                if !counting.load(Ordering::Relaxed) {
                    before.fetch_add(1, Ordering::Relaxed);
                } else if told.is_some() {
                    waits.push(asked.elapsed().as_nanos() as u64);
                } else {
                    failures += 1;
                }
                if told.is_none() {
                    // A store that is down says so at once: others must go on.
                    tokio::task::yield_now().await;
                }
            }
            (waits, failures)
        });
    }
    tokio::time::sleep(args.turn() / 4).await;
    counting.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    tokio::time::sleep(args.turn()).await;
    over.store(true, Ordering::Relaxed);
    let seconds = begun.elapsed().as_secs_f64();
    let mut histogram = Histogram::<u64>::new(3)?;
    let mut turn = Turn {
        seconds,
        ..Turn::default()
    };
    while let Some(done) = tasks.join_next().await {
        let (waits, failures) = done?;
        turn.decisions += waits.len() as u64;
        turn.failures += failures;
        for wait in waits {
            histogram.record(wait)?;
        }
    }
    if denied.load(Ordering::Relaxed) > 0 {
        return Err("a request was denied: the quota is too narrow to be raced on".into());
    }
    turn.before = before.load(Ordering::Relaxed);
    turn.p50_micros = histogram.value_at_quantile(0.5) as f64 / 1e3;
    turn.p99_micros = histogram.value_at_quantile(0.99) as f64 / 1e3;
    Ok(turn)
}
