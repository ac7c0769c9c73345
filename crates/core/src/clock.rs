//! Time, injected: nanoseconds since a fixed origin, and the wall clock at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A monotonic clock that also knows the wall time of its origin.
///
/// Two readings differ by real elapsed time; a stepped wall clock changes neither.
/// What wall time a reading was is asked anew by [`Clock::sync`], so that a
/// corrected clock and a machine that slept are followed.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_core::Clock;
///
/// let clock = Clock::system();
/// assert!(clock.now() <= clock.now());
///
/// let (clock, hand) = Clock::manual();
/// let start = clock.now();
/// hand.advance(Duration::from_millis(250));
/// assert_eq!(clock.now() - start, 250_000_000);
/// ```
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System {
        origin: Instant,
        /// Wall time of the origin, nanoseconds since the Unix epoch.
        wall: Arc<AtomicU64>,
    },
    Manual {
        nanos: Arc<AtomicU64>,
        /// Wall time of the origin, nanoseconds since the Unix epoch.
        wall: u64,
    },
}

/// Moves a manual [`Clock`].
#[derive(Debug, Clone)]
pub struct Hand(Arc<AtomicU64>);

impl Clock {
    /// The clock of the machine, its origin now.
    pub fn system() -> Self {
        Self(Kind::System {
            origin: Instant::now(),
            wall: Arc::new(AtomicU64::new(unix_now())),
        })
    }

    /// A clock that stands still until its hand moves it. Its origin is the
    /// Unix epoch plus one day, so that small subtractions stay valid.
    pub fn manual() -> (Self, Hand) {
        let nanos = Arc::new(AtomicU64::new(1_000_000_000));
        let wall = Duration::from_hours(24).as_nanos() as u64;
        (
            Self(Kind::Manual {
                nanos: Arc::clone(&nanos),
                wall,
            }),
            Hand(nanos),
        )
    }

    /// Nanoseconds since the origin; wraps after 584 years.
    pub fn now(&self) -> u64 {
        match &self.0 {
            Kind::System { origin, .. } => origin.elapsed().as_nanos() as u64,
            Kind::Manual { nanos, .. } => nanos.load(Ordering::Acquire),
        }
    }

    /// The wall time of a reading of this clock.
    pub fn wall(&self, nanos: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.unix(nanos))
    }

    /// The wall time of a reading, nanoseconds since the Unix epoch.
    pub fn unix(&self, nanos: u64) -> u64 {
        let wall = match &self.0 {
            Kind::System { wall, .. } => wall.load(Ordering::Relaxed),
            Kind::Manual { wall, .. } => *wall,
        };
        wall.wrapping_add(nanos)
    }

    /// Compares with the machine's wall clock and follows it from now on, in
    /// all clones. A manual clock has none to follow.
    pub fn sync(&self) {
        if let Kind::System { wall, .. } = &self.0 {
            wall.store(unix_now().wrapping_sub(self.now()), Ordering::Relaxed);
        }
    }
}

/// The machine's wall clock; a time before 1970 is 1970.
fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Hand {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::AcqRel);
    }
}
