use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderName;
use plimsoll_core::Clock;
use tokio::time::Instant;
use tower_layer::Layer;

use super::budget::Budget;
use super::pace::Paces;
use super::servers::Servers;
use super::{Cloned, Counts, Pacing};

/// Times a request is sent, unless told otherwise.
pub const DEFAULT_TRIES: u32 = 3;

/// How long a call may wait before it is sent, all tries together, unless told otherwise.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// K of the adaptive throttle, as in *Site Reliability Engineering*.
const MULTIPLIER: f64 = 2.0;

/// Paces, retries and throttles the calls of a client; see the [module](super).
///
/// Everything that one layer wraps shares what is known of the servers and the
/// budget of retries.
#[derive(Debug, Clone)]
pub struct PacingLayer<R = Cloned> {
    pub(super) shared: Arc<Shared>,
    replay: R,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    /// Nanoseconds are counted from here.
    pub(super) origin: Instant,
    pub(super) paces: Mutex<Paces>,
    pub(super) servers: Mutex<Servers>,
    pub(super) budget: Budget,
    pub(super) counts: Counts,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) tries: u32,
    pub(super) patience: Duration,
    pub(super) multiplier: f64,
    pub(super) criticality: Option<HeaderName>,
    pub(super) deadline: Option<HeaderName>,
}

impl PacingLayer {
    /// Ten seconds of patience, three tries, K = 2; bodies are replayed by `Clone`.
    pub fn new() -> Self {
        let settings = Settings {
            tries: DEFAULT_TRIES,
            patience: DEFAULT_PATIENCE,
            multiplier: MULTIPLIER,
            criticality: None,
            deadline: None,
        };
        Self::of(settings, Clock::system(), Counts::default(), Cloned)
    }
}

impl Default for PacingLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> PacingLayer<R> {
    fn of(settings: Settings, clock: Clock, counts: Counts, replay: R) -> Self {
        let shared = Shared {
            settings,
            clock,
            origin: Instant::now(),
            paces: Mutex::default(),
            servers: Mutex::default(),
            budget: Budget::default(),
            counts,
        };
        Self {
            shared: Arc::new(shared),
            replay,
        }
    }

    fn change(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        let shared = &*self.shared;
        Self::of(
            settings,
            shared.clock.clone(),
            shared.counts.clone(),
            self.replay,
        )
    }

    /// Times a request is sent at most; 1 for no retries.
    #[must_use]
    pub fn tries(self, tries: u32) -> Self {
        self.change(|settings| settings.tries = tries.max(1))
    }

    /// How long a call may wait in all before it is sent. A call that has to
    /// wait longer fails at once. [`super::Patience`] in the request's extensions
    /// stands above it, and the deadline of the request being answered bounds both.
    #[must_use]
    pub fn patience(self, most: Duration) -> Self {
        self.change(|settings| settings.patience = most)
    }

    /// Sends this many times as many requests as the server accepts before any
    /// are refused here. Default: 2.
    #[must_use]
    pub fn multiplier(self, times: f64) -> Self {
        self.change(|settings| settings.multiplier = times.max(1.0))
    }

    /// Tells servers in this header how critical the request being answered is.
    #[must_use]
    pub fn criticality_header(self, name: HeaderName) -> Self {
        self.change(|settings| settings.criticality = Some(name))
    }

    /// Tells servers in this header how many milliseconds the request being
    /// answered has left.
    #[must_use]
    pub fn deadline_header(self, name: HeaderName) -> Self {
        self.change(|settings| settings.deadline = Some(name))
    }

    /// The wall clock by which dates in `Retry-After` are read.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        let shared = &*self.shared;
        Self::of(
            shared.settings.clone(),
            clock,
            shared.counts.clone(),
            self.replay,
        )
    }

    /// Counts there too what happens to the calls.
    #[must_use]
    pub fn counted(self, counts: Counts) -> Self {
        let shared = &*self.shared;
        Self::of(
            shared.settings.clone(),
            shared.clock.clone(),
            counts,
            self.replay,
        )
    }

    /// How a request's body is had a second time.
    #[must_use]
    pub fn replay<O>(self, replay: O) -> PacingLayer<O> {
        PacingLayer {
            shared: self.shared,
            replay,
        }
    }

    /// What happened to the calls so far.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

impl<S, R: Clone> Layer<S> for PacingLayer<R> {
    type Service = Pacing<S, R>;

    fn layer(&self, inner: S) -> Pacing<S, R> {
        Pacing::new(inner, Arc::clone(&self.shared), self.replay.clone())
    }
}
