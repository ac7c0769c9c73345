//! Fault switches: break the service on purpose, to see the objectives burn and recover.
//!
//! One [`Faults`] sits in the store that handlers and health checks share, so that a database fault is a
//! fault for both. Failures, panics and blocked workers strike only business routes ([`strike`]), never probes.
//!
//! ```
//! use card_service::faults::{Change, Faults};
//!
//! let faults = Faults::default();
//! faults.change(&Change { error_percent: Some(25), ..Change::default() })?;
//! let struck = (0..100).filter(|_| faults.next_is_error()).count();
//! assert_eq!(struck, 25, "the share is exact, not drawn");
//! # Ok::<(), card_service::faults::OutOfRange>(())
//! ```

mod routes;
mod share;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

pub use routes::{router, strike};
use share::Share;

/// The longest pause that may be asked of the database, in milliseconds.
pub const MAX_SLOW_MS: u64 = 60_000;
/// How long a blocked worker stays so when nobody ends it.
pub const MAX_BLOCK: Duration = Duration::from_mins(5);

/// The switches, shared by all clones. All off at first.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    database_slow_ms: AtomicU64,
    database_down: AtomicBool,
    worker_blocked: AtomicBool,
    /// Whether a request has taken it upon itself.
    blocks: AtomicBool,
    errors: Share,
    panics: Share,
}

/// What is switched on. This is the JSON of `GET /faults`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// Milliseconds that every use of the database sleeps while it holds a connection; 0 is off.
    pub database_slow_ms: u64,
    /// No connection can be had.
    pub database_down: bool,
    /// The next business request blocks the thread that runs it until this is off, for [`MAX_BLOCK`] at most.
    pub worker_blocked: bool,
    /// Share of business requests answered 500, in percent.
    pub error_percent: u8,
    /// Share of business requests whose handler panics, in percent.
    pub panic_percent: u8,
}

/// What to change; what is left out stays. This is the JSON of `PUT /faults`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// See [`State::database_slow_ms`]; at most [`MAX_SLOW_MS`].
    pub database_slow_ms: Option<u64>,
    /// See [`State::database_down`].
    pub database_down: Option<bool>,
    /// See [`State::worker_blocked`].
    pub worker_blocked: Option<bool>,
    /// See [`State::error_percent`]; 0 to 100.
    pub error_percent: Option<u8>,
    /// See [`State::panic_percent`]; 0 to 100.
    pub panic_percent: Option<u8>,
}

/// A switch was asked for a value it does not have. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {value}; it must be from 0 to {max}")]
pub struct OutOfRange {
    field: &'static str,
    value: u64,
    max: u64,
}

impl Faults {
    /// What is switched on now.
    pub fn state(&self) -> State {
        State {
            database_slow_ms: self.0.database_slow_ms.load(Relaxed),
            database_down: self.0.database_down.load(Relaxed),
            worker_blocked: self.0.worker_blocked.load(Relaxed),
            error_percent: self.0.errors.percent(),
            panic_percent: self.0.panics.percent(),
        }
    }

    /// Sets the switches that `change` names.
    ///
    /// # Errors
    /// A value is out of its range; then no switch moved.
    pub fn change(&self, change: &Change) -> Result<State, OutOfRange> {
        within("database_slow_ms", change.database_slow_ms, MAX_SLOW_MS)?;
        within("error_percent", change.error_percent.map(u64::from), 100)?;
        within("panic_percent", change.panic_percent.map(u64::from), 100)?;
        if let Some(millis) = change.database_slow_ms {
            self.0.database_slow_ms.store(millis, Relaxed);
        }
        if let Some(down) = change.database_down {
            self.0.database_down.store(down, Relaxed);
        }
        if let Some(blocked) = change.worker_blocked {
            self.0.worker_blocked.store(blocked, Relaxed);
        }
        if let Some(percent) = change.error_percent {
            self.0.errors.set(percent);
        }
        if let Some(percent) = change.panic_percent {
            self.0.panics.set(percent);
        }
        Ok(self.state())
    }

    /// Switches everything off.
    pub fn reset(&self) -> State {
        self.0.database_slow_ms.store(0, Relaxed);
        self.0.database_down.store(false, Relaxed);
        self.0.worker_blocked.store(false, Relaxed);
        self.0.errors.set(0);
        self.0.panics.set(0);
        self.state()
    }

    /// How long a use of the database has to sleep.
    pub fn database_delay(&self) -> Option<Duration> {
        match self.0.database_slow_ms.load(Relaxed) {
            0 => None,
            millis => Some(Duration::from_millis(millis)),
        }
    }

    /// Blocks the thread while the switch says so, for one caller at a time.
    pub fn block_worker(&self) {
        let wanted = || self.0.worker_blocked.load(Relaxed);
        if !wanted() || self.0.blocks.swap(true, Relaxed) {
            return;
        }
        let begin = Instant::now();
        while wanted() && begin.elapsed() < MAX_BLOCK {
            #[expect(
                clippy::disallowed_methods,
                reason = "a handler that blocks its worker is the fault"
            )]
            std::thread::sleep(Duration::from_millis(5));
        }
        self.0.blocks.store(false, Relaxed);
    }

    /// Whether connections are refused.
    pub fn database_is_down(&self) -> bool {
        self.0.database_down.load(Relaxed)
    }

    /// Counts a request and says whether it is to be answered 500.
    pub fn next_is_error(&self) -> bool {
        self.0.errors.next()
    }

    /// Counts a request and says whether it is to panic.
    pub fn next_is_panic(&self) -> bool {
        self.0.panics.next()
    }
}

fn within(field: &'static str, value: Option<u64>, max: u64) -> Result<(), OutOfRange> {
    match value {
        Some(value) if value > max => Err(OutOfRange { field, value, max }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_out_of_range_moves_no_switch() {
        let faults = Faults::default();
        let change = Change {
            database_down: Some(true),
            panic_percent: Some(101),
            ..Change::default()
        };
        let refused = faults.change(&change).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`panic_percent` is 101; it must be from 0 to 100"
        );
        assert_eq!(faults.state(), State::default());
    }

    #[test]
    fn reset_switches_everything_off_for_every_clone() {
        let faults = Faults::default();
        let change = Change {
            database_slow_ms: Some(20),
            database_down: Some(true),
            worker_blocked: Some(true),
            error_percent: Some(5),
            panic_percent: Some(100),
        };
        let other = faults.clone();
        faults.change(&change).unwrap();
        assert_eq!(other.database_delay(), Some(Duration::from_millis(20)));
        assert!(other.next_is_panic());
        assert_eq!(other.reset(), State::default());
        assert_eq!(faults.state(), State::default());
    }
}
