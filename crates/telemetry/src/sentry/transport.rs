//! The way events take to Sentry: a bounded queue and a thread of its own. The
//! SDK's own transports say that a queue is empty, not that anything arrived;
//! this one counts as delivered what was answered with 2xx, and nothing else.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sentry::client_report::{Reason as Loss, Recorder};
use sentry::protocol::EnvelopeItem;
use sentry::types::{Dsn, Scheme};
use sentry::{Envelope, TransportFactory, TransportOptions};
use ureq::Agent;

use super::limits;
use crate::exports::{Exports, Outlet, Queue};
use crate::ledger::{Balance, Ledger, Reason};

/// Envelopes that may wait, as in the SDK's own transports.
const CAPACITY: usize = 30;

/// How long sending one envelope may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of an answer that are read.
const ANSWER_MAX: u64 = 64 << 10;

/// A shared handle on the queue and its thread.
#[derive(Clone)]
pub(super) struct Transport(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
    ledger: Ledger,
    exports: Exports,
    /// Set under the lock of `state`, so that nobody who waits misses it.
    hurry: AtomicBool,
    /// Where the client learns what was lost, to tell Sentry of it.
    losses: OnceLock<Recorder>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Envelope>,
    /// Events that are being sent.
    sending: u64,
    closing: bool,
    closed: bool,
}

/// Why an envelope was not delivered.
struct Failure {
    reason: Reason,
    /// What the client tells Sentry; nothing where the server knows already.
    loss: Option<Loss>,
    why: String,
}

impl Transport {
    /// Starts the thread.
    pub(super) fn start(dsn: &Dsn, client: String) -> std::io::Result<Self> {
        let transport = Self(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            ledger: Ledger::default(),
            exports: Exports::default(),
            hurry: AtomicBool::new(false),
            losses: OnceLock::new(),
        }));
        let shared = Arc::clone(&transport.0);
        let sink = Sink::new(dsn.clone(), client);
        std::thread::Builder::new()
            .name("plimsoll-sentry".into())
            .spawn(move || shared.send_until_closed(&sink))?;
        Ok(transport)
    }

    /// Counts an event that is kept back before it is made.
    pub(super) fn keep_back(&self) {
        self.0.ledger.produce(1);
        self.0.ledger.drop_for(Reason::RateLimited, 1);
    }

    pub(super) fn balance(&self) -> Balance {
        let state = self.0.lock();
        let queued: u64 = state.queue.iter().map(events).sum();
        self.0.ledger.balance(queued + state.sending)
    }

    pub(super) fn outlet(&self) -> Outlet {
        let depth = self.0.lock().queue.len() as u64;
        let capacity = CAPACITY as u64;
        self.0.exports.outlet("sentry", Queue { depth, capacity })
    }

    /// Takes nothing more and lets the thread end with what is queued.
    pub(super) fn begin_close(&self) {
        self.0.lock().closing = true;
        self.0.work.notify_one();
    }

    /// Waits until what is queued is sent, at most until `deadline`; what is
    /// left is counted as lost.
    pub(super) fn close(&self, deadline: Instant) {
        self.begin_close();
        let mut state = self.0.wait(deadline, |state| !state.closed);
        for envelope in std::mem::take(&mut state.queue) {
            self.0.ledger.drop_for(Reason::Shutdown, events(&envelope));
        }
    }

    /// Ends a wait in [`Self::close`], now or to come.
    pub(super) fn hurry(&self) {
        let state = self.0.lock();
        self.0.hurry.store(true, Ordering::Relaxed);
        self.0.done.notify_all();
        drop(state);
    }
}

impl sentry::Transport for Transport {
    fn send_envelope(&self, envelope: Envelope) {
        let shared = &*self.0;
        let count = events(&envelope);
        let mut state = shared.lock();
        shared.ledger.produce(count);
        if state.closing {
            shared.ledger.drop_for(Reason::Shutdown, count);
        } else if state.queue.len() >= CAPACITY {
            shared.ledger.drop_for(Reason::QueueFull, count);
            drop(state);
            shared.tell(&envelope, Loss::QueueOverflow);
        } else {
            state.queue.push_back(envelope);
            drop(state);
            shared.work.notify_one();
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        let busy = |state: &State| !(state.closed || state.queue.is_empty() && state.sending == 0);
        let state = self.0.wait(Instant::now() + timeout, busy);
        !busy(&state)
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        self.close(Instant::now() + timeout);
        self.balance().pending == 0
    }
}

/// Hands a transport to the client that it was made for.
pub(super) struct Factory(pub(super) Transport);

impl TransportFactory for Factory {
    fn create_transport_with_options(
        &self,
        options: TransportOptions,
    ) -> Arc<dyn sentry::Transport> {
        // Only the first client's losses are told: there is one.
        let _ = self.0.0.losses.set(options.client_report_recorder);
        Arc::new(self.0.clone())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as `wait`, unless there is haste.
    fn wait(&self, deadline: Instant, wait: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while wait(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.hurry.load(Ordering::Relaxed) {
                break;
            }
            let waited = self.done.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn tell(&self, envelope: &Envelope, loss: Loss) {
        if let Some(losses) = self.losses.get() {
            losses.record_lost_data(envelope, loss);
        }
    }

    fn next(&self) -> Option<Envelope> {
        let mut state = self.lock();
        loop {
            if let Some(envelope) = state.queue.pop_front() {
                state.sending = events(&envelope);
                return Some(envelope);
            }
            if state.closing {
                return None;
            }
            let woken = self.work.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn send_until_closed(&self, sink: &Sink) {
        let _ended = Ended(self);
        let mut silent_until = None;
        while let Some(envelope) = self.next() {
            let begun = Instant::now();
            let failure = if silent_until.is_some_and(|until| begun < until) {
                Some(Failure {
                    reason: Reason::RateLimited,
                    loss: Some(Loss::RatelimitBackoff),
                    why: String::new(),
                })
            } else {
                let (failure, silence) = sink.send(&envelope);
                silent_until = silence.map(|silence| Instant::now() + silence);
                self.note(failure.as_ref(), begun.elapsed());
                failure
            };
            let mut state = self.lock();
            let count = std::mem::take(&mut state.sending);
            match &failure {
                None => self.ledger.deliver(count),
                Some(failure) => self.ledger.drop_for(failure.reason, count),
            }
            if state.queue.is_empty() {
                self.done.notify_all();
            }
            drop(state);
            if let Some(loss) = failure.and_then(|failure| failure.loss) {
                self.tell(&envelope, loss);
            }
        }
    }

    /// One line when Sentry fails and one when it is well again.
    fn note(&self, failure: Option<&Failure>, took: Duration) {
        let changed = self.exports.note(failure.is_none(), took);
        match failure {
            Some(failure) if changed => {
                tracing::warn!(target: "plimsoll::sentry", why = failure.why, "Sentry does not take events");
            }
            None if changed => {
                tracing::info!(target: "plimsoll::sentry", "Sentry takes events again");
            }
            _ => {}
        }
    }
}

/// Says that the thread is gone, however it ended.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let unsent = std::mem::take(&mut state.sending);
        self.0.ledger.drop_for(Reason::ExportFailed, unsent);
        state.closing = true;
        state.closed = true;
        self.0.done.notify_all();
    }
}

/// Error events of an envelope: the rest is not accounted for.
fn events(envelope: &Envelope) -> u64 {
    let of_kind = |item: &&EnvelopeItem| matches!(item, EnvelopeItem::Event(_));
    envelope.items().filter(of_kind).count() as u64
}

/// The one address.
struct Sink {
    agent: Agent,
    url: String,
    dsn: Dsn,
    client: String,
}

impl Sink {
    fn new(dsn: Dsn, client: String) -> Self {
        let scheme = match dsn.scheme() {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let url = format!(
            "{scheme}://{}:{}{}api/{}/envelope/",
            dsn.host(),
            dsn.port(),
            dsn.path(),
            dsn.project_id()
        );
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false);
        Self {
            agent: Agent::new_with_config(config.build()),
            url,
            dsn,
            client,
        }
    }

    /// Sends one envelope; also says how long to be silent from now on.
    fn send(&self, envelope: &Envelope) -> (Option<Failure>, Option<Duration>) {
        let failed = |reason, loss, why| Failure { reason, loss, why };
        let mut body = Vec::new();
        if let Err(error) = envelope.to_writer(&mut body) {
            let why = format!("an event could not be written: {error}");
            let failure = failed(Reason::ExportFailed, Some(Loss::InternalError), why);
            return (Some(failure), None);
        }
        let auth = self.dsn.to_auth(Some(&self.client)).to_string();
        let sent = self
            .agent
            .post(&self.url)
            .header("x-sentry-auth", auth)
            .content_type("application/x-sentry-envelope")
            .send(&body[..]);
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let failure = failed(
                    Reason::ExportFailed,
                    Some(Loss::NetworkError),
                    error.to_string(),
                );
                return (Some(failure), None);
            }
        };
        let status = answer.status().as_u16();
        let silence = limits::silence(status, answer.headers(), SystemTime::now());
        // Read so that the connection can be used again; what it says is of no use.
        let _ = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_MAX)
            .read_to_vec();
        let why = format!("it answered {status}");
        let failure = match status {
            200..300 => None,
            429 => Some(failed(Reason::RateLimited, None, why)),
            _ => Some(failed(Reason::ExportFailed, Some(Loss::SendError), why)),
        };
        (failure, silence)
    }
}
