use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_core::{Clock, Permit, Release};
use tokio::sync::Notify;

/// No deadline: not draining.
const NEVER: u64 = u64::MAX;

/// What is in flight and whether the service is on its way out; clones share it.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_core::Clock;
/// use plimsoll_health::Drain;
///
/// let (clock, hand) = Clock::manual();
/// let drain = Drain::new(clock);
/// drain.begin(Duration::from_secs(23));
/// assert!(drain.is_draining() && !drain.is_over());
/// hand.advance(Duration::from_secs(23));
/// assert!(drain.is_over());
/// ```
#[derive(Debug, Clone)]
pub struct Drain(Arc<State>);

#[derive(Debug)]
struct State {
    clock: Clock,
    in_flight: AtomicU64,
    /// How many of them are upgraded connections.
    upgraded: AtomicU64,
    /// Clock reading past which requests are refused.
    deadline: AtomicU64,
    refused: AtomicU64,
    idle: Notify,
    closing: AtomicBool,
    told: Notify,
}

impl Drain {
    /// A service at work.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(State {
            clock,
            in_flight: AtomicU64::new(0),
            upgraded: AtomicU64::new(0),
            deadline: AtomicU64::new(NEVER),
            refused: AtomicU64::new(0),
            idle: Notify::new(),
            closing: AtomicBool::new(false),
            told: Notify::new(),
        }))
    }

    /// Begins to drain: requests are served for this long and refused after.
    /// Called again it can only bring the deadline nearer; with zero it is now.
    pub fn begin(&self, serve_for: Duration) {
        let serve_for = u64::try_from(serve_for.as_nanos()).unwrap_or(NEVER);
        let deadline = self.0.clock.now().saturating_add(serve_for).min(NEVER - 1);
        self.0.deadline.fetch_min(deadline, Ordering::AcqRel);
        self.0.told.notify_waiters();
    }

    /// Whether the service is on its way out.
    pub fn is_draining(&self) -> bool {
        self.0.deadline.load(Ordering::Acquire) != NEVER
    }

    /// Whether the deadline has passed.
    pub fn is_over(&self) -> bool {
        let deadline = self.0.deadline.load(Ordering::Acquire);
        deadline != NEVER && self.0.clock.now() >= deadline
    }

    /// Time to the deadline; `None` when not draining.
    pub fn left(&self) -> Option<Duration> {
        let deadline = self.0.deadline.load(Ordering::Acquire);
        let left = deadline.saturating_sub(self.0.clock.now());
        (deadline != NEVER).then(|| Duration::from_nanos(left))
    }

    /// Requests between call and the end of their bodies, and upgraded connections.
    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(Ordering::Acquire)
    }

    /// Connections in flight that speak no HTTP any more, such as WebSockets.
    pub fn upgraded(&self) -> u64 {
        self.0.upgraded.load(Ordering::Acquire)
    }

    /// Until streams that would not end by themselves should: a WebSocket, a
    /// stream of events, a long poll. What they last said is still sent, and
    /// their clients find another instance. That is once load balancers have
    /// had their time to notice; earlier, a client would come back to this one.
    ///
    /// ```
    /// use plimsoll_core::Clock;
    /// use plimsoll_health::Drain;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let drain = Drain::new(Clock::system());
    /// let closing = drain.closing();
    /// drain.close_streams();
    /// closing.await;
    /// # });
    /// ```
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let drain = self.clone();
        async move {
            drain
                .until(|drain| drain.0.closing.load(Ordering::Acquire))
                .await;
        }
    }

    /// Until the service is on its way out.
    pub(crate) async fn begun(&self) {
        self.until(Self::is_draining).await;
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        loop {
            let mut told = std::pin::pin!(self.0.told.notified());
            // Listen first, look after: a word in between is not missed.
            told.as_mut().enable();
            if reached(self) {
                return;
            }
            told.await;
        }
    }

    /// Tells everybody who waits for [`Drain::closing`], now and later.
    pub fn close_streams(&self) {
        self.0.closing.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    /// Requests refused because the deadline had passed.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Waits until nothing is in flight. A request may come right after.
    pub async fn idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.0.idle.notified());
            // Listen first, look after: a release in between is not missed.
            idle.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Counts a request until the permit is dropped. For what has no gate.
    pub fn enter(&self) -> Permit {
        self.0.in_flight.fetch_add(1, Ordering::AcqRel);
        Permit::new(Arc::clone(&self.0) as _)
    }

    /// Counts a connection that has been upgraded until the permit is dropped:
    /// its request was over with its head.
    pub fn enter_upgraded(&self) -> Permit {
        self.0.in_flight.fetch_add(1, Ordering::AcqRel);
        self.0.upgraded.fetch_add(1, Ordering::AcqRel);
        Permit::new(Arc::new(Upgraded(Arc::clone(&self.0))))
    }

    pub(super) fn count_refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How far it is, for people.
    pub(crate) fn progress(&self) -> String {
        let (in_flight, upgraded) = (self.in_flight(), self.upgraded());
        let left = self.left().unwrap_or_default().as_secs_f64();
        let of_them = match upgraded {
            0 => String::new(),
            some => format!(" ({some} upgraded)"),
        };
        format!("draining, {in_flight} in flight{of_them}, {left:.1} s left")
    }
}

/// Releases an upgraded connection.
struct Upgraded(Arc<State>);

impl Release for Upgraded {
    fn release(&self) {
        self.0.upgraded.fetch_sub(1, Ordering::AcqRel);
        self.0.release();
    }
}

impl Release for State {
    fn release(&self) {
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }
}
