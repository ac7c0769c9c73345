//! Decisions by cells that the process holds: the book of leases and the store,
//! put together as a service's layer does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use plimsoll_bench_ours::Fault;
use plimsoll_core::Clock;
use plimsoll_ratelimit::Lease;
use plimsoll_ratelimit::gcra::Gcra;
use plimsoll_ratelimit::store::{Call, Id, Identity, Kind, Leases, Redis, Spend, Store as _, Want};
use tokio::task::JoinSet;
use tokio::task::yield_now;

use super::KEYS;
use super::child::{Turn, keys};
use super::who::Ours;

/// Decisions of a task until it lets others go on.
const AT_ONCE: usize = 64;

/// Seconds for which a key's cells last.
const TTL: Duration = Duration::from_secs(10);

/// A process that holds cells.
struct Process {
    book: Leases,
    store: Redis,
    gcra: Gcra,
    clock: Clock,
    ids: Vec<Id>,
    keys: Arc<[Arc<str>]>,
    calls: AtomicU64,
}

impl Process {
    fn connect(address: &str, lease: Lease, keys: Arc<[Arc<str>]>) -> Result<Arc<Self>, Fault> {
        let Ours(store, gcra) = Ours::connect(address)?;
        let identity = Identity::random();
        let ids = (0..keys.len() as u64).map(|key| identity.number(key));
        Ok(Arc::new(Self {
            book: Leases::new(lease, 2 * keys.len()),
            store,
            gcra,
            clock: Clock::system(),
            ids: ids.collect(),
            keys,
            calls: AtomicU64::new(0),
        }))
    }

    fn spend(&self, key: usize) -> Spend {
        let now = self.clock.now();
        let nodes = self.store.nodes();
        self.book.spend(self.ids[key], self.gcra, 1, now, nodes)
    }

    async fn refill(self: Arc<Self>, key: usize, cells: u32) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let call = Call {
            kind: Kind::Most,
            wants: vec![Want {
                key: Arc::clone(&self.keys[key]),
                gcra: self.gcra,
                cells,
            }],
        };
        let sent = self.clock.now();
        match self.store.call(call).await {
            Ok(told) => self
                .book
                .fill(self.ids[key], told.granted, told.backlogs[0], sent),
            Err(_) => {
                self.book.failed(self.ids[key]);
                yield_now().await;
            }
        }
    }

    /// Whether a request of a key passes; one that needs the store waits for it.
    async fn decide(self: &Arc<Self>, key: usize) -> bool {
        loop {
            match self.spend(key) {
                Spend::Allow { ahead, .. } => {
                    if let Some(cells) = ahead {
                        tokio::spawn(Arc::clone(self).refill(key, cells));
                    }
                    return true;
                }
                Spend::Deny(_) | Spend::NoRoom => return false,
                Spend::Ask(cells) => Arc::clone(self).refill(key, cells).await,
                Spend::Wait(answered) => answered.await,
            }
        }
    }
}

/// Decisions of one process on many keys.
pub(super) async fn race(address: &str, tasks: usize, turn: Duration) -> Result<Turn, Fault> {
    let process = Process::connect(address, Lease::lasting(TTL), keys())?;
    let over = Arc::new(AtomicBool::new(false));
    let decisions = Arc::new(AtomicU64::new(0));
    let mut all = JoinSet::new();
    for _ in 0..tasks {
        let (process, over) = (Arc::clone(&process), Arc::clone(&over));
        let decisions = Arc::clone(&decisions);
        all.spawn(async move {
            let mut denied = 0_u64;
            while !over.load(Ordering::Relaxed) {
                for _ in 0..AT_ONCE {
                    denied += u64::from(!process.decide(fastrand::usize(..KEYS)).await);
                }
                decisions.fetch_add(AT_ONCE as u64, Ordering::Relaxed);
                yield_now().await;
            }
            denied
        });
    }
    // Until the leases follow the demand: a few of their lives.
    tokio::time::sleep(TTL * 2).await;
    let before = decisions.load(Ordering::Relaxed);
    let calls = process.calls.load(Ordering::Relaxed);
    let begun = Instant::now();
    tokio::time::sleep(turn).await;
    let counted = decisions.load(Ordering::Relaxed) - before;
    let seconds = begun.elapsed().as_secs_f64();
    let calls = process.calls.load(Ordering::Relaxed) - calls;
    over.store(true, Ordering::Relaxed);
    let mut denied = 0;
    while let Some(done) = all.join_next().await {
        denied += done?;
    }
    if denied > 0 {
        return Err(format!("{denied} were denied: the quota is too narrow to be raced on").into());
    }
    Ok(Turn {
        decisions: counted,
        before,
        seconds,
        calls,
        ..Turn::default()
    })
}

/// Two processes ask for one key at full speed: what they admit, what the quota
/// says of that time, and the stated bound over it.
pub(super) async fn overshoot(address: &str, turn: Duration) -> Result<[u64; 3], Fault> {
    let lease = Lease::lasting(Duration::from_secs(1)).at_most(50);
    let keys: Arc<[Arc<str>]> = [Arc::from("pl:{overshoot}:per-client")].into();
    let mut fleet = Vec::new();
    for _ in 0..2 {
        let process = Process::connect(address, lease, Arc::clone(&keys))?;
        // A look, after which the store knows the process.
        while !process.decide(0).await {
            yield_now().await;
        }
        fleet.push(process);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for process in &fleet {
        let process = Arc::clone(process);
        all.spawn(async move {
            let mut admitted = 0_u64;
            while begun.elapsed() < turn {
                for _ in 0..AT_ONCE {
                    admitted += u64::from(process.decide(0).await);
                }
                yield_now().await;
            }
            admitted
        });
    }
    let mut admitted = 0;
    while let Some(done) = all.join_next().await {
        admitted += done?;
    }
    let gcra = fleet[0].gcra;
    let came = begun.elapsed().as_nanos() as u64 / gcra.interval();
    let nodes = fleet[0].store.nodes();
    Ok([
        admitted,
        u64::from(gcra.burst()) + came,
        lease.overshoot(gcra, nodes),
    ])
}
