//! The task that holds the connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, interval, sleep, timeout};

use super::script::Scripts;
use super::{IN_FLIGHT, Job, MAX_BATCH, State};
use crate::store::StoreError;

/// How long connecting may take. No request waits for it.
const CONNECT: Duration = Duration::from_secs(1);
/// Longest pause before the first probe; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Calls from which on they go in halves.
const MANY: usize = 16;
/// How often a node says that it lives.
const BEAT: Duration = Duration::from_secs(3);
/// Without a word for so long a node is gone.
const GONE: Duration = Duration::from_secs(10);

/// A connection that was found in order.
#[derive(Clone)]
struct Link {
    connection: MultiplexedConnection,
    scripts: Scripts,
}

/// Serves until nobody can call any more.
pub(super) async fn run(state: Arc<State>, mut jobs: mpsc::Receiver<Job>) {
    let mut pause = FIRST_PAUSE;
    loop {
        state.counts.probes.fetch_add(1, Ordering::Relaxed);
        match timeout(CONNECT, Link::connect(&state)).await {
            Ok(Ok(link)) => {
                pause = FIRST_PAUSE;
                state.breaker.close();
                if serve(&state, &link, &mut jobs).await.is_none() {
                    return;
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(error = %error.category(), "no connection to the store");
            }
            Err(_) => tracing::debug!("the store does not answer"),
        }
        state.breaker.open();
        // From half of it to the whole: processes that lost the store together
        // don't come back together.
        if !rest(pause.mul_f64(0.5 + fastrand::f64() / 2.0), &mut jobs).await {
            return;
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

impl Link {
    /// Connects and has the store do once what it is there for.
    async fn connect(state: &State) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(CONNECT));
        let client = &state.client;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let scripts = Scripts::load(&mut connection).await?;
        // What comes later than a decision may wait is no answer.
        connection.set_response_timeout(state.deadline);
        let link = Self {
            connection,
            scripts,
        };
        // A store that came back empty does not know the others yet: until the
        // next beat there are as many as there were.
        state
            .nodes
            .fetch_max(link.beat(state).await?, Ordering::Relaxed);
        Ok(link)
    }

    /// Says that this node lives; how many do.
    async fn beat(&self, state: &State) -> Result<u32, RedisError> {
        let key = format!("pl:{{{}}}:nodes", state.scope);
        let gone = GONE.as_millis() as u64;
        let mut connection = self.connection.clone();
        let nodes = self.scripts.nodes(&mut connection, &key, state.node, gone);
        nodes.await
    }

    /// Sends jobs as one script call and answers them. `Err` when the
    /// connection is of no more use.
    async fn carry(self, state: &State, jobs: Vec<Job>) -> Result<(), RedisError> {
        let sent = Instant::now();
        let mut connection = self.connection.clone();
        let calls = jobs.iter().map(|job| &job.call);
        let told = self.scripts.decide(&mut connection, calls).await;
        let counts = &state.counts;
        counts.trips.fetch_add(1, Ordering::Relaxed);
        counts.calls.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        let nanos = sent.elapsed().as_nanos() as u64;
        counts.nanos.fetch_add(nanos, Ordering::Relaxed);
        match told {
            Ok((_, told)) => {
                state.breaker.succeeded();
                for (job, told) in jobs.into_iter().zip(told) {
                    // Nobody may be waiting any more.
                    let _ = job.answer.send(Ok(told));
                }
                Ok(())
            }
            Err(error) => {
                let reason = reason(&error);
                for job in jobs {
                    let _ = job.answer.send(Err(reason));
                }
                if reason == StoreError::Timeout {
                    state.failed();
                    return Ok(());
                }
                Err(error)
            }
        }
    }
}

/// How many of the calls that wait go together. When nothing is under way, half of
/// many go first: the server decides these while we send the others, and we answer
/// these while it decides the others; all together we would take turns.
const fn most(waiting: usize, idle: bool) -> usize {
    if idle && waiting >= MANY && waiting < 2 * MAX_BATCH {
        return waiting.div_ceil(2);
    }
    MAX_BATCH
}

/// Carries jobs until the store is taken for down; `None` when there will be none.
async fn serve(state: &State, link: &Link, jobs: &mut mpsc::Receiver<Job>) -> Option<()> {
    let mut under_way = FuturesUnordered::new();
    let mut beat = interval(BEAT);
    beat.reset();
    let mut batch = Vec::with_capacity(MAX_BATCH);
    let mut halved = false;
    loop {
        let idle = under_way.is_empty();
        let some = poll_fn(|context| {
            let most = most(jobs.len(), idle);
            jobs.poll_recv_many(context, &mut batch, most)
        });
        tokio::select! {
            count = some, if !halved && under_way.len() < IN_FLIGHT => {
                if count == 0 {
                    return None;
                }
                halved = idle && count < MAX_BATCH && !jobs.is_empty();
                let batch = std::mem::replace(&mut batch, Vec::with_capacity(MAX_BATCH));
                under_way.push(link.clone().carry(state, batch));
            }
            // Once the first half is written: what the server reads together it also
            // answers together.
            () = yield_now(), if halved => halved = false,
            Some(done) = under_way.next() => {
                if let Err(error) = done {
                    tracing::debug!(error = %error.category(), "the store failed");
                    return Some(());
                }
            }
            () = state.breaker.opened() => return Some(()),
            _ = beat.tick() => {
                // Late or lost, it changes nothing: requests find out by themselves.
                match link.beat(state).await {
                    Ok(nodes) => state.nodes.store(nodes, Ordering::Relaxed),
                    Err(error) => {
                        tracing::debug!(error = %error.category(), "the store missed a beat");
                    }
                }
            }
        }
    }
}

/// Pauses; whoever waits in the queue is told at once. Whether anybody can call.
async fn rest(pause: Duration, jobs: &mut mpsc::Receiver<Job>) -> bool {
    let end = sleep(pause);
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return true,
            job = jobs.recv() => match job {
                None => return false,
                Some(job) => {
                    let _ = job.answer.send(Err(StoreError::Down));
                }
            },
        }
    }
}

fn reason(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        StoreError::Timeout
    } else if error.is_io_error() || error.is_connection_dropped() {
        StoreError::Connection
    } else {
        StoreError::Refused
    }
}
