//! The store in Redis or Valkey.

mod breaker;
mod link;
mod script;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::breaker::Breaker;
use super::{Call, Calling, Store, StoreError, StoreStats, Told};

/// Most calls that share a script call.
pub const MAX_BATCH: usize = 64;
/// Most script calls under way on the connection.
const IN_FLIGHT: usize = 4;
/// Most calls that wait for a place in one.
const QUEUE: usize = 4_096;
/// A decision's deadline unless told otherwise.
pub const DEADLINE: Duration = Duration::from_millis(10);
/// Deadlines without a good answer after which the store is taken for down.
pub const PATIENCE: u32 = 3;

/// Keys shared by processes, in Redis (5.0 or later) or Valkey. Clones share the connection,
/// which is made by the first call, on the Tokio runtime that makes it.
///
/// A step is one script that runs alone on the server and reads the server's
/// own time, so no process's clock matters. State is one eight-byte TAT a key
/// that expires when it no longer says anything. Calls that arrive together
/// share a script call, at most [`MAX_BATCH`]; of many the first half goes alone,
/// so that process and server work side by side. A call is answered within the
/// deadline; when the store has given no good answer for [`PATIENCE`] deadlines,
/// or the connection breaks, it is taken for down: calls fail at once, and one
/// probe at a time looks whether it is back, after pauses drawn at random.
///
/// ```no_run
/// use plimsoll_ratelimit::store::Redis;
///
/// let store = Redis::open("redis://127.0.0.1:6379/0")?.scope("card-service");
/// # let _ = store;
/// # Ok::<(), plimsoll_ratelimit::store::RedisUrlError>(())
/// ```
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    /// Where calls go; empty until the first, and renewed when its runtime has ended.
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    state: Arc<State>,
}

/// What the connection's task shares with those that call.
struct State {
    client: redis::Client,
    deadline: Duration,
    scope: String,
    /// This process among those that share the store.
    node: u64,
    nodes: AtomicU32,
    breaker: Breaker,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    trips: AtomicU64,
    calls: AtomicU64,
    nanos: AtomicU64,
    probes: AtomicU64,
    failures: [AtomicU64; StoreError::ALL.len()],
}

/// A call that waits for its answer.
struct Job {
    call: Call,
    answer: oneshot::Sender<Result<Told, StoreError>>,
}

/// An address that Redis cannot be at. It says nothing of what may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no usable Redis address; write `redis://[user:password@]host[:port][/database]` or `unix:///path`"
)]
pub struct RedisUrlError;

impl Redis {
    /// The store at an address, such as `redis://127.0.0.1:6379/0`. Nothing is
    /// connected yet.
    ///
    /// # Errors
    /// When it is no address of a Redis.
    pub fn open(url: &str) -> Result<Self, RedisUrlError> {
        let client = redis::Client::open(url).map_err(|_| RedisUrlError)?;
        Ok(Self(Arc::new(Shared {
            queue: Mutex::default(),
            state: Arc::new(State {
                client,
                deadline: DEADLINE,
                scope: "plimsoll".into(),
                node: fastrand::u64(..),
                nodes: AtomicU32::new(1),
                breaker: Breaker::default(),
                counts: Counts::default(),
            }),
        })))
    }

    /// Processes with the same scope share the count of nodes; usually a service's name.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.with(|state| state.scope = scope.into())
    }

    /// How long a decision may take; [`DEADLINE`] unless told otherwise.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        self.with(|state| state.deadline = deadline)
    }

    /// Changes a store that nobody has called yet: it gets a state of its own.
    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        let old = &self.0.state;
        let mut state = State {
            client: old.client.clone(),
            deadline: old.deadline,
            scope: old.scope.clone(),
            node: old.node,
            nodes: AtomicU32::new(1),
            breaker: Breaker::default(),
            counts: Counts::default(),
        };
        change(&mut state);
        Self(Arc::new(Shared {
            queue: Mutex::default(),
            state: Arc::new(state),
        }))
    }

    /// Puts a job into the queue; starts the connection's task when there is none.
    fn send(&self, job: Job) -> Result<(), StoreError> {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = match &*queue {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let runtime =
                    tokio::runtime::Handle::try_current().map_err(|_| StoreError::Down)?;
                let (sender, jobs) = mpsc::channel(QUEUE);
                runtime.spawn(link::run(Arc::clone(&self.0.state), jobs));
                queue.insert(sender)
            }
        };
        sender.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Full,
            mpsc::error::TrySendError::Closed(_) => StoreError::Down,
        })
    }

    async fn ask(&self, call: Call) -> Result<Told, StoreError> {
        if self.0.state.breaker.is_open() {
            return Err(StoreError::Down);
        }
        let (answer, told) = oneshot::channel();
        self.send(Job { call, answer })?;
        match timeout(self.0.state.deadline, told).await {
            Ok(Ok(told)) => told,
            // The task gave the queue up.
            Ok(Err(_)) => Err(StoreError::Down),
            Err(_) => {
                self.0.state.failed();
                Err(StoreError::Timeout)
            }
        }
    }
}

impl State {
    /// A good answer did not come in time.
    fn failed(&self) {
        self.breaker.failed(self.deadline * PATIENCE);
    }
}

impl Store for Redis {
    fn call(&self, call: Call) -> Calling<'_> {
        Box::pin(async move {
            let told = self.ask(call).await;
            if let Err(error) = told {
                let failures = &self.0.state.counts.failures;
                failures[error.index()].fetch_add(1, Ordering::Relaxed);
            }
            told
        })
    }

    fn is_up(&self) -> bool {
        !self.0.state.breaker.is_open()
    }

    fn deadline(&self) -> Duration {
        self.0.state.deadline
    }

    fn nodes(&self) -> u32 {
        self.0.state.nodes.load(Ordering::Relaxed).max(1)
    }

    fn stats(&self) -> StoreStats {
        let counts = &self.0.state.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StoreStats {
            trips: read(&counts.trips),
            calls: read(&counts.calls),
            nanos: read(&counts.nanos),
            probes: read(&counts.probes),
            failures: counts.failures.each_ref().map(read),
        }
    }
}

impl fmt::Debug for Redis {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("scope", &self.0.state.scope)
            .field("up", &self.is_up())
            .finish_non_exhaustive()
    }
}
