//! Limits shared through Redis beside a plain script by the two clients that
//! services use: the same keys, one multiplexed connection, the server on a core
//! of its own and the caller on the other, in alternating rounds.

pub mod child;
mod leased;
mod server;
mod table;
mod who;

use std::process::{Command, Stdio};

use plimsoll_bench_ours::Fault;
use serde::{Deserialize, Serialize};

use crate::results::Spread;
use child::Turn;
use server::Server;
use who::Who;

pub use table::show;

/// So many clients ask.
pub const KEYS: usize = 100_000;

/// Requests under way at a time.
const CONCURRENCY: [usize; 3] = [1, 64, 512];

/// Exact decisions of one of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exact {
    /// Whose.
    pub who: String,
    /// Requests under way at a time.
    pub concurrency: usize,
    /// Decisions a second.
    pub per_second: Spread,
    /// Half of the decisions were there, in microseconds.
    pub p50_micros: Spread,
    /// 99 of 100 were.
    pub p99_micros: Spread,
    /// The server's processor time a decision, in microseconds.
    pub server_micros: Spread,
    /// Decisions a second by those of the faster peer in the same round.
    pub by_peer: Spread,
    /// Decisions without an answer in time, of all rounds.
    pub failures: u64,
}

/// Decisions by cells that the process holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leased {
    /// Decisions a second.
    pub per_second: Spread,
    /// By exact decisions of ours at concurrency 64 in the same round.
    pub by_exact: Spread,
    /// By the faster peer's at concurrency 64 in the same round.
    pub by_peer: Spread,
    /// Decisions for each step that the server was asked for.
    pub per_call: Spread,
}

/// A quota that two processes draw from at full speed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Overshoot {
    /// Cells that were admitted.
    pub admitted: u64,
    /// What the quota says of that time.
    pub quota: u64,
    /// The stated bound over it.
    pub bound: u64,
}

/// Everything of this section.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Shared {
    /// When, UTC.
    pub taken: String,
    /// What the server says it is.
    pub server: String,
    /// Rounds.
    pub rounds: usize,
    /// One answer of the store a decision.
    pub exact: Vec<Exact>,
    /// Cells held by the process.
    pub leased: Option<Leased>,
    /// What two processes admit of one quota with leases.
    pub overshoot: Option<Overshoot>,
}

/// Measures all of it; each turn takes so many milliseconds.
///
/// # Errors
///
/// When `redis-server` or `taskset` is missing or a child fails.
pub fn measure(rounds: usize, turn: u64) -> Result<Shared, Fault> {
    let server = Server::start()?;
    let mut turns = Vec::new();
    for _ in 0..rounds {
        for concurrency in CONCURRENCY {
            for who in Who::EXACT {
                turns.push(ask(&server, who, concurrency, turn)?);
            }
        }
        turns.push(ask(&server, Who::Leased, 64, turn)?);
    }
    let mut exact = Vec::new();
    for concurrency in CONCURRENCY {
        for who in Who::EXACT {
            exact.push(row(&turns, who, concurrency)?);
        }
    }
    let overshoot: [u64; 3] = said(&server, Who::Overshoot, 64, turn)?;
    let [admitted, quota, bound] = overshoot;
    Ok(Shared {
        taken: crate::table::now(),
        server: server.version()?,
        rounds,
        exact,
        leased: Some(leased(&turns)?),
        overshoot: Some(Overshoot {
            admitted,
            quota,
            bound,
        }),
    })
}

/// A turn and whose it was.
struct Taken {
    who: Who,
    concurrency: usize,
    turn: Turn,
    server_micros: f64,
}

impl Taken {
    fn rate(&self) -> f64 {
        self.turn.decisions as f64 / self.turn.seconds
    }
}

/// One turn in a process of its own, on the core that the server has not.
fn ask(server: &Server, who: Who, concurrency: usize, millis: u64) -> Result<Taken, Fault> {
    let before = server.cpu_micros()?;
    let turn: Turn = said(server, who, concurrency, millis)?;
    let spent = server.cpu_micros()? - before;
    // The warm-up asked too.
    let all = (turn.decisions + turn.before) as f64;
    Ok(Taken {
        who,
        concurrency,
        turn,
        server_micros: spent / all,
    })
}

fn said<T: serde::de::DeserializeOwned>(
    server: &Server,
    who: Who,
    concurrency: usize,
    millis: u64,
) -> Result<T, Fault> {
    let output = Command::new("taskset")
        .args(["-c", "1"])
        .arg(std::env::current_exe()?)
        .args(["redis-child", who.name(), server.address()])
        .args([concurrency.to_string(), millis.to_string()])
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the turn of {} failed: {told}", who.name()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn of(turns: &[Taken], who: Who, concurrency: usize) -> Vec<&Taken> {
    let same = |taken: &&Taken| taken.who == who && taken.concurrency == concurrency;
    turns.iter().filter(same).collect()
}

/// By round, the faster peer's decisions a second.
fn peers(turns: &[Taken], concurrency: usize) -> Vec<f64> {
    let rates = |who| of(turns, who, concurrency).into_iter().map(Taken::rate);
    rates(Who::RedisRs)
        .zip(rates(Who::Fred))
        .map(|(one, other)| one.max(other))
        .collect()
}

fn spread(numbers: impl Iterator<Item = f64>) -> Result<Spread, Fault> {
    Ok(Spread::of(numbers.collect()).ok_or("a turn of no round")?)
}

fn row(turns: &[Taken], who: Who, concurrency: usize) -> Result<Exact, Fault> {
    let own = of(turns, who, concurrency);
    let peers = peers(turns, concurrency);
    let own = || own.iter().copied();
    Ok(Exact {
        who: who.name().into(),
        concurrency,
        per_second: spread(own().map(Taken::rate))?,
        p50_micros: spread(own().map(|taken| taken.turn.p50_micros))?,
        p99_micros: spread(own().map(|taken| taken.turn.p99_micros))?,
        server_micros: spread(own().map(|taken| taken.server_micros))?,
        by_peer: spread(own().zip(&peers).map(|(taken, peer)| taken.rate() / peer))?,
        failures: own().map(|taken| taken.turn.failures).sum(),
    })
}

fn leased(turns: &[Taken]) -> Result<Leased, Fault> {
    let own = of(turns, Who::Leased, 64);
    let own = || own.iter().copied();
    let exact = of(turns, Who::Ours, 64);
    let peers = peers(turns, 64);
    let by_exact = own().zip(&exact);
    Ok(Leased {
        per_second: spread(own().map(Taken::rate))?,
        by_exact: spread(by_exact.map(|(taken, exact)| taken.rate() / exact.rate()))?,
        by_peer: spread(own().zip(&peers).map(|(taken, peer)| taken.rate() / peer))?,
        per_call: spread(own().map(|taken| {
            let calls = taken.turn.calls.max(1);
            taken.turn.decisions as f64 / calls as f64
        }))?,
    })
}
