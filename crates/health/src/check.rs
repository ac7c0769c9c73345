//! One named test of a dependency.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::calls::Calls;
use crate::evidence::Rules;

/// The answer of one run: fine, or why not.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A test of a dependency, for readiness.
///
/// It runs in the background on its own schedule, at most once at a time. A run
/// that takes longer than its timeout is dropped and counts as failed, and so
/// does one that panics.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_health::Check;
///
/// let database = Check::new("database", async || Ok::<(), std::io::Error>(()));
///
/// let cache = Check::new("cache", async || Err("connection refused"))
///     .every(Duration::from_secs(10))
///     .timeout(Duration::from_millis(300))
///     .fall(3)
///     .optional();
/// # let _ = (database, cache);
/// ```
#[derive(Clone)]
#[must_use = "a check does nothing until a `Health` has it"]
pub struct Check {
    pub(crate) name: String,
    pub(crate) ask: Arc<dyn Fn() -> Answer + Send + Sync>,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    max_age: Option<Duration>,
    rise: u32,
    fall: u32,
    dwell: Duration,
    optional: bool,
    pub(crate) needed_by: Vec<String>,
    pub(crate) calls: Option<Calls>,
}

impl Check {
    /// A required check: every 2 s, each run at most 1 s, failing after two
    /// failures in a row, passing again after one success.
    pub fn new<F, Fut, E>(name: impl Into<String>, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let ask = move || -> Answer {
            let run = ask();
            Box::pin(async { run.await.map_err(|error| error.to_string()) })
        };
        Self {
            name: name.into(),
            ask: Arc::new(ask),
            every: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            max_age: None,
            rise: 1,
            fall: 2,
            dwell: Duration::ZERO,
            optional: false,
            needed_by: Vec::new(),
            calls: None,
        }
    }

    /// Pause between two runs, varied by a tenth either way.
    pub fn every(mut self, pause: Duration) -> Self {
        self.every = pause;
        self
    }

    /// How long one run may take.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// How old evidence may be before it warns; twice as old it fails. Unless
    /// told otherwise, three pauses and a timeout.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Successes in a row after which a failing check passes; at least 1.
    pub fn rise(mut self, successes: u32) -> Self {
        self.rise = successes;
        self
    }

    /// Failures in a row after which a passing check fails; at least 1. Before
    /// that it warns. The very first run decides by itself.
    pub fn fall(mut self, failures: u32) -> Self {
        self.fall = failures;
        self
    }

    /// How long a failing check fails at least, so that one that flaps does not
    /// take the service in and out. Unless told otherwise, no time.
    pub fn dwell(mut self, time: Duration) -> Self {
        self.dwell = time;
        self
    }

    /// Only these routes need it, by their templates or by a beginning of
    /// templates and `*`: while it fails they are answered 503 (`PLM-3030`), the
    /// readiness of the instance only warns, and all other routes are served.
    ///
    /// ```
    /// use plimsoll_health::{Check, Health};
    ///
    /// let bank = Check::new("bank", async || Ok::<(), String>(()));
    /// let bank = bank.needed_by(["/v1/transactions", "/v1/payments/*"]);
    /// # let _ = Health::builder().readiness(bank).build();
    /// ```
    pub fn needed_by(mut self, routes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.needed_by.extend(routes.into_iter().map(Into::into));
        self
    }

    /// Where real calls to the dependency are noted. While there are at least
    /// ten in ten seconds and one since the last run, those since the last run are
    /// the evidence, as old as the newest of them, and the check itself is not
    /// run: a run passes when more than half of them were good and within the
    /// timeout (set that before). After a failure by calls the check's own answers
    /// count only once it has failed for ten seconds: where routes that need it are
    /// refused, there are no calls that could tell.
    ///
    /// ```
    /// use std::time::Duration;
    /// use plimsoll_health::{Check, Health};
    ///
    /// let mut bank = Check::new("bank", async || Ok::<(), String>(()));
    /// let calls = bank.calls();
    /// let health = Health::builder().readiness(bank).build()?;
    /// // after each call to the bank
    /// calls.record(true, Duration::from_millis(12));
    /// # Ok::<(), plimsoll_health::HealthError>(())
    /// ```
    pub fn calls(&mut self) -> Calls {
        let limit = self.timeout;
        let calls = self.calls.get_or_insert_with(|| Calls::new(limit));
        calls.clone()
    }

    /// The service can do without: a failure only warns.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub(crate) fn rules(&self) -> Rules {
        let usual = || self.every.saturating_mul(3).saturating_add(self.timeout);
        let max_age = self.max_age.unwrap_or_else(usual);
        Rules {
            rise: self.rise.max(1),
            fall: self.fall.max(1),
            max_age: u64::try_from(max_age.as_nanos()).unwrap_or(u64::MAX),
            dwell: u64::try_from(self.dwell.as_nanos()).unwrap_or(u64::MAX),
            optional: self.optional || !self.needed_by.is_empty(),
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("name", &self.name)
            .field("every", &self.every)
            .field("timeout", &self.timeout)
            .field("rules", &self.rules())
            .finish_non_exhaustive()
    }
}
