//! What has to happen once before the service has started.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::health::MAX_NAME;

/// Something that has to happen before the service has started; made by
/// [`crate::Health::startup`]. Dropped without [`Latch::open`], as by work that
/// failed, panicked or was cancelled, it stays closed and the probes say that
/// it was given up; a latch of the same name takes its place.
#[derive(Debug)]
#[must_use = "the service has not started before the latch is opened"]
pub struct Latch {
    /// Its place among the steps.
    at: usize,
    opened: bool,
    all: Arc<Latches>,
}

/// All latches of a service.
#[derive(Debug, Default)]
pub(crate) struct Latches {
    pending: AtomicUsize,
    known: Mutex<Vec<Step>>,
}

/// All latches of one name.
#[derive(Debug)]
struct Step {
    name: Box<str>,
    /// Latches that are not open.
    closed: usize,
    /// Those of them that nobody will open any more.
    given_up: usize,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    Pending,
    GivenUp,
}

impl Progress {
    /// What a probe says of it, unless it is done.
    pub(crate) const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Pending => Some("not done yet"),
            Self::GivenUp => Some("given up before it was done"),
        }
    }
}

impl Latch {
    /// Says that it has happened.
    pub fn open(mut self) {
        self.opened = true;
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        let mut known = self.all.known();
        let Some(step) = known.get_mut(self.at) else {
            return;
        };
        if self.opened {
            step.closed = step.closed.saturating_sub(1);
            self.all.pending.fetch_sub(1, Ordering::AcqRel);
        } else {
            step.given_up += 1;
        }
    }
}

impl Latches {
    /// A closed latch. Names stand in paths and texts: what a check's name may
    /// not have becomes `_`, and the rest is cut.
    pub(crate) fn add(self: &Arc<Self>, name: &str) -> Latch {
        let name = proper(name);
        let mut known = self.known();
        let at = known.iter().position(|step| step.name == name);
        let at = at.unwrap_or_else(|| {
            known.push(Step {
                name,
                closed: 0,
                given_up: 0,
            });
            known.len() - 1
        });
        if let Some(step) = known.get_mut(at) {
            if step.given_up > 0 {
                step.given_up -= 1;
            } else {
                step.closed += 1;
                self.pending.fetch_add(1, Ordering::AcqRel);
            }
        }
        drop(known);
        Latch {
            at,
            opened: false,
            all: Arc::clone(self),
        }
    }

    pub(crate) fn all_open(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// Every step, in the order in which they were first named.
    pub(crate) fn list(&self) -> Vec<(Box<str>, Progress)> {
        let row = |step: &Step| {
            let progress = match step {
                Step { closed: 0, .. } => Progress::Done,
                Step { given_up: 0, .. } => Progress::Pending,
                Step { .. } => Progress::GivenUp,
            };
            (step.name.clone(), progress)
        };
        self.known().iter().map(row).collect()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Step>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn proper(name: &str) -> Box<str> {
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '-' | '_' | '.') => letter,
        _ => '_',
    };
    let name: String = name.chars().map(plain).take(MAX_NAME).collect();
    if name.is_empty() {
        "_".into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(all: &Latches) -> Vec<(String, Progress)> {
        let rows = all.list().into_iter();
        rows.map(|(name, progress)| (name.into(), progress))
            .collect()
    }

    #[test]
    fn what_is_given_up_stays_closed_until_it_is_done_in_another_try() {
        let all = Arc::<Latches>::default();
        drop(all.add("cache"));
        assert!(!all.all_open());
        assert_eq!(told(&all), [("cache".into(), Progress::GivenUp)]);
        let again = all.add("cache");
        assert_eq!(told(&all), [("cache".into(), Progress::Pending)]);
        again.open();
        assert!(all.all_open());
        assert_eq!(told(&all), [("cache".into(), Progress::Done)]);
    }

    #[test]
    fn work_that_panicked_has_not_happened() {
        let all = Arc::<Latches>::default();
        let latch = all.add("migrations");
        let work = std::thread::spawn(move || {
            let _latch = latch;
            panic!("no such table");
        });
        assert!(work.join().is_err());
        assert_eq!(told(&all), [("migrations".into(), Progress::GivenUp)]);
    }

    #[test]
    fn latches_of_one_name_are_one_row_that_waits_for_all_of_them() {
        let all = Arc::<Latches>::default();
        let (one, two) = (all.add("shard"), all.add("shard"));
        one.open();
        assert!(!all.all_open());
        assert_eq!(told(&all), [("shard".into(), Progress::Pending)]);
        two.open();
        assert!(all.all_open());
        assert_eq!(told(&all), [("shard".into(), Progress::Done)]);
    }

    #[test]
    fn names_have_only_what_paths_and_lines_may_have() {
        for (name, shown) in [
            ("Warm Cache/eu\n", "warm_cache_eu_"),
            ("", "_"),
            ("a-b_c.9", "a-b_c.9"),
        ] {
            assert_eq!(&*proper(name), shown);
        }
        assert_eq!(proper(&"x".repeat(1_000)).len(), MAX_NAME);
    }
}
