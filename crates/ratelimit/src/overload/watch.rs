//! Watches what a process runs out of, in the background.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll_core::Criticality;
use plimsoll_core::criticality::Trigger;
use plimsoll_core::memory::Cgroups;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Pressure;
use crate::ConcurrencyLimit;

/// How often the runtime is asked.
const EVERY: Duration = Duration::from_millis(100);

/// Samples of which the least counts: one stall is none, a queue that stays is.
const SAMPLES: usize = 5;

/// From which values on a process is pressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Triggers {
    /// Of the memory, in shares of the limit.
    pub(crate) memory: Trigger,
    /// Of the runtime's delay, in seconds.
    pub(crate) delay: Trigger,
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            memory: Trigger::MEMORY,
            delay: Trigger::DELAY,
        }
    }
}

/// What was read last.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Readings {
    /// The share of its memory limit that the process uses, without file pages that
    /// nobody used lately; `None` where no cgroup of the process has a limit.
    pub memory: Option<f64>,
    /// How late the runtime comes to what is due: the least of the last half second.
    pub delay: Duration,
}

/// Presses a [`ConcurrencyLimit`] by memory and by how late the runtime is.
/// Clones share the readings.
///
/// ```
/// use plimsoll_ratelimit::{ConcurrencyLimit, Overload, overload::Watch};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let limit = ConcurrencyLimit::default();
/// let watch = Watch::new(limit.clone(), &Overload::new());
/// // On the runtime that polls the requests.
/// let watching = tokio::spawn(watch.clone().run());
/// assert_eq!(watch.readings().delay.as_secs(), 0);
/// assert_eq!(watch.trouble(), None);
/// # watching.abort();
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Watch {
    limit: ConcurrencyLimit,
    triggers: Triggers,
    groups: Cgroups,
    readings: Arc<Mutex<Readings>>,
}

impl Watch {
    /// Watches by the triggers of `overload`, once it [runs](Self::run).
    pub fn new(limit: ConcurrencyLimit, overload: &super::Overload) -> Self {
        Self::of(limit, overload.triggers, Cgroups::of_process())
    }

    fn of(limit: ConcurrencyLimit, triggers: Triggers, groups: Cgroups) -> Self {
        Self {
            limit,
            triggers,
            groups,
            readings: Arc::default(),
        }
    }

    /// What was read last.
    pub fn readings(&self) -> Readings {
        *self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches for good: to be spawned on the runtime that polls the requests.
    ///
    /// Ten times a second it notes how long after the time that was set it comes
    /// round, behind all that is queued; of half a second the least counts, as
    /// in `CoDel` (RFC 8289). Memory is read once in half a second, from the
    /// files of the process's cgroups, by a thread that may block.
    pub async fn run(self) {
        let mut delays = Delays::default();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turn = 0_usize;
        let mut memory = None;
        loop {
            let due = ticks.tick().await;
            yield_now().await;
            let delay = delays.add(Instant::now().saturating_duration_since(due));
            if turn.is_multiple_of(SAMPLES) {
                let groups = self.groups.clone();
                let read = spawn_blocking(move || groups.in_use()).await;
                // It is cancelled only when the runtime ends, and so is this.
                memory = read.unwrap_or(memory);
            }
            turn = turn.wrapping_add(1);
            self.note(Readings { memory, delay });
        }
    }

    fn note(&self, readings: Readings) {
        *self.readings.lock().unwrap_or_else(PoisonError::into_inner) = readings;
        let pressure = Pressure {
            memory: readings
                .memory
                .map_or(0.0, |share| self.triggers.memory.pressure(share)),
            runtime: self.triggers.delay.pressure(readings.delay.as_secs_f64()),
        };
        if pressure != self.limit.pressure() {
            self.limit.press(pressure);
        }
    }

    /// What presses, for people; `None` at ease.
    pub fn trouble(&self) -> Option<String> {
        let pressure = self.limit.pressure();
        let readings = self.readings();
        let mut told = Vec::new();
        if let Some(share) = readings.memory.filter(|_| pressure.memory > 0.0) {
            told.push(format!(
                "{:.0} % of the memory limit is in use",
                share * 100.0
            ));
        }
        if pressure.runtime > 0.0 {
            told.push(format!(
                "the runtime is {} ms late",
                readings.delay.as_millis()
            ));
        }
        let room = self.limit.room(Criticality::Sheddable);
        let max = self.limit.max();
        (!told.is_empty()).then(|| {
            format!(
                "{}: sheddable requests may use {room} of {max} permits",
                told.join(", ")
            )
        })
    }
}

/// The delays of the last half second.
#[derive(Debug, Default)]
struct Delays(VecDeque<Duration>);

impl Delays {
    /// The least of the last ones; nothing before there are enough.
    fn add(&mut self, delay: Duration) -> Duration {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(delay);
        let full = self.0.len() == SAMPLES;
        let least = self.0.iter().min().filter(|_| full);
        least.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use plimsoll_testkit::wait::until;

    use super::*;

    const LOW: Criticality = Criticality::Sheddable;

    fn triggers(memory: &str, delay: &str) -> Triggers {
        Triggers {
            memory: memory.parse().unwrap(),
            delay: delay.parse().unwrap(),
        }
    }

    #[test]
    fn one_stall_is_no_pressure_and_a_queue_that_stays_is() {
        let mut delays = Delays::default();
        let second = Duration::from_secs(1);
        assert_eq!(delays.add(second), Duration::ZERO);
        for _ in 0..SAMPLES {
            delays.add(Duration::ZERO);
        }
        assert_eq!(delays.add(second), Duration::ZERO);
        let standing = (0..SAMPLES).map(|_| delays.add(second)).last();
        assert_eq!(standing, Some(second));
    }

    #[test]
    fn pressure_takes_from_the_lowest_first_and_is_told() {
        let limit = ConcurrencyLimit::new(100);
        let rooms = || Criticality::ALL.map(|level| limit.room(level));
        let groups = Cgroups::default();
        let watch = Watch::of(limit.clone(), triggers("0.5,1", "0.25,0.5"), groups);
        let mut readings = Readings::default();
        watch.note(readings);
        assert_eq!((rooms(), watch.trouble()), ([50, 75, 90, 100], None));
        readings.memory = Some(0.75);
        watch.note(readings);
        assert_eq!(rooms(), [0, 38, 90, 100]);
        let told = watch.trouble().unwrap();
        assert_eq!(
            told,
            "75 % of the memory limit is in use: sheddable requests may use 0 of 100 permits"
        );
        readings = Readings {
            memory: None,
            delay: Duration::from_micros(312_500),
        };
        watch.note(readings);
        assert_eq!(rooms(), [25, 75, 90, 100]);
        assert!(
            watch
                .trouble()
                .unwrap()
                .starts_with("the runtime is 312 ms")
        );
        readings.delay = Duration::from_secs(9);
        watch.note(readings);
        assert_eq!(rooms(), [0, 0, 23, 100]);
    }

    #[tokio::test]
    async fn a_runtime_that_does_not_keep_up_presses_the_limit_and_lets_go_again() {
        let limit = ConcurrencyLimit::new(100);
        let calm = limit.room(LOW);
        let groups = Cgroups::default();
        let watch = Watch::of(limit.clone(), triggers("off", "0.02,0.03"), groups);
        let watching = tokio::spawn(watch.run());
        // Work that comes back at once, each time for longer than the trigger.
        let busy = tokio::spawn(async {
            loop {
                let began = std::time::Instant::now();
                while began.elapsed() < Duration::from_millis(40) {
                    std::hint::spin_loop();
                }
                yield_now().await;
            }
        });
        until("pressure", || (limit.room(LOW) < calm).then_some(())).await;
        busy.abort();
        until("ease", || (limit.room(LOW) == calm).then_some(())).await;
        watching.abort();
    }

    #[tokio::test]
    async fn memory_near_its_limit_presses_the_limit_and_lets_go_again() {
        let root = tempfile::tempdir().unwrap();
        let use_bytes = |bytes: &str| fs::write(root.path().join("memory.current"), bytes).unwrap();
        fs::write(root.path().join("memory.max"), "1000").unwrap();
        use_bytes("100");
        let limit = ConcurrencyLimit::new(100);
        let calm = limit.room(LOW);
        let groups = Cgroups::at(root.path(), "0::/\n");
        let watch = Watch::of(limit.clone(), triggers("0.8,1", "off"), groups);
        let watching = tokio::spawn(watch.clone().run());
        until("a reading", || watch.readings().memory).await;
        assert_eq!(limit.room(LOW), calm);
        use_bytes("950");
        until("pressure", || (limit.room(LOW) == 0).then_some(())).await;
        use_bytes("700");
        until("ease", || (limit.room(LOW) == calm).then_some(())).await;
        watching.abort();
    }
}
