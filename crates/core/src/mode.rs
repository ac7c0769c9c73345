//! `off | observe | enforce` for every part that can change an answer, and the
//! count of what a part did or would have done.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::current;
use crate::record::Record;
use crate::seat::Seat;

/// What a part may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing; it does not even decide.
    Off,
    /// Decides and counts, changes no answer.
    Observe,
    /// Decides, counts and acts.
    #[default]
    Enforce,
}

impl Mode {
    /// The word used in configuration and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }

    /// Back from `mode as u8`, as it is kept in an atomic.
    pub const fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Off,
            1 => Self::Observe,
            _ => Self::Enforce,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not a [`Mode`] or not a [`Part`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

impl UnknownWord {
    pub(crate) fn new(word: &str, known: &'static str) -> Self {
        Self {
            word: word.into(),
            known,
        }
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of {}", self.word, self.known)
    }
}

impl std::error::Error for UnknownWord {}

impl FromStr for Mode {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "off" => Ok(Self::Off),
            "observe" => Ok(Self::Observe),
            "enforce" => Ok(Self::Enforce),
            _ => Err(UnknownWord {
                word: word.into(),
                known: "off, observe, enforce",
            }),
        }
    }
}

/// The parts that can change an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Rate limits.
    Limit,
    /// The concurrency limit.
    Concurrency,
    /// The request timeout.
    Timeout,
    /// The shape of failures.
    Shape,
    /// What draining does to answers.
    Drain,
    /// The refusal of routes whose dependency fails.
    Need,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 6] = [
        Self::Limit,
        Self::Concurrency,
        Self::Timeout,
        Self::Shape,
        Self::Drain,
        Self::Need,
    ];

    /// The word used in configuration and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Concurrency => "concurrency",
            Self::Timeout => "timeout",
            Self::Shape => "shape",
            Self::Drain => "drain",
            Self::Need => "need",
        }
    }
}

impl FromStr for Part {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|part| part.as_str() == word);
        found.ok_or_else(|| UnknownWord {
            word: word.into(),
            known: "limit, concurrency, timeout, shape, drain, need",
        })
    }
}

/// Most (part, mode, route) combinations counted apart.
const MAX_ROWS: usize = 4_096;

/// The modes of all parts, changeable while running, and the counts of what
/// each did (`enforce`) or would have done (`observe`), by route.
///
/// Clones share their state.
///
/// ```
/// use plimsoll_core::{Mode, Part, Rollout};
///
/// let rollout = Rollout::default();
/// assert_eq!(rollout.mode(Part::Limit), Mode::Enforce);
///
/// rollout.set(Part::Limit, Mode::Observe);
/// if rollout.acts(Part::Limit, "/cards/{id}") {
///     unreachable!("observe changes no answer");
/// }
/// assert_eq!(rollout.counts()[0].count, 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rollout {
    state: Arc<State>,
    seat: Option<Seat>,
}

#[derive(Debug)]
struct State {
    modes: [AtomicU8; Part::ALL.len()],
    counts: Mutex<BTreeMap<(Part, &'static str, &'static str), u64>>,
    unlimited: Routes,
}

/// Routes, each once; read without a lock.
#[derive(Debug, Default)]
struct Routes(OnceLock<Box<Listed>>);

#[derive(Debug)]
struct Listed {
    route: &'static str,
    others: Routes,
}

impl Routes {
    fn add(&self, route: &'static str) {
        let mut list = self;
        loop {
            let others = Self::default();
            let listed = list.0.get_or_init(|| Box::new(Listed { route, others }));
            if listed.route == route {
                return;
            }
            list = &listed.others;
        }
    }

    #[inline]
    fn has(&self, route: &str) -> bool {
        let mut list = self;
        while let Some(listed) = list.0.get() {
            if listed.route == route {
                return true;
            }
            list = &listed.others;
        }
        false
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            modes: std::array::from_fn(|_| AtomicU8::new(Mode::Enforce as u8)),
            counts: Mutex::default(),
            unlimited: Routes::default(),
        }
    }
}

/// One row of [`Rollout::counts`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The part that decided.
    pub part: Part,
    /// The mode it was in: `observe` counts what it would have done.
    pub mode: &'static str,
    /// The route of the request.
    pub route: &'static str,
    /// How often.
    pub count: u64,
}

impl Rollout {
    /// All parts in one mode.
    pub fn all(mode: Mode) -> Self {
        let rollout = Self::default();
        for part in Part::ALL {
            rollout.set(part, mode);
        }
        rollout
    }

    /// The same modes and counts, for the parts of one stack.
    #[must_use]
    pub fn seated(&self, seat: Seat) -> Self {
        Self {
            state: Arc::clone(&self.state),
            seat: Some(seat),
        }
    }

    /// Asks the record of the request being polled here, when these are the modes
    /// of a whole stack and that stack's outermost layer made the record.
    pub fn within<R>(&self, ask: impl FnOnce(&Record) -> R) -> Option<R> {
        let seat = self.seat?;
        current::with(|record| (record.seat == Some(seat)).then(|| ask(record))).flatten()
    }

    /// Whether the request being polled here has another stack around it, whose
    /// parts have done what these would do.
    #[inline]
    pub fn stands_down(&self) -> bool {
        self.seat.is_some_and(Seat::is_anothers)
    }

    /// The mode of a part now, for the request being polled here.
    #[inline]
    pub fn mode(&self, part: Part) -> Mode {
        if self.stands_down() {
            return Mode::Off;
        }
        Mode::of(self.state.modes[part as usize].load(Ordering::Relaxed))
    }

    /// Changes the mode of a part for the requests that come.
    pub fn set(&self, part: Part, mode: Mode) {
        self.state.modes[part as usize].store(mode as u8, Ordering::Relaxed);
    }

    /// Names a route whose requests the rate limits do not count and the
    /// concurrency limit does not refuse.
    pub fn never_limit(&self, route: &'static str) {
        self.state.unlimited.add(route);
    }

    /// Whether [`Rollout::never_limit`] named this route.
    #[inline]
    pub fn is_unlimited(&self, route: &str) -> bool {
        self.state.unlimited.has(route)
    }

    /// Counts that `part` decided against a request of `route`, and says
    /// whether it may act on it. Call it only for decisions that change an answer.
    pub fn acts(&self, part: Part, route: &'static str) -> bool {
        let mode = self.mode(part);
        let limits = matches!(part, Part::Limit | Part::Concurrency);
        if mode == Mode::Off || (limits && self.is_unlimited(route)) {
            return false;
        }
        let mut counts = self
            .state
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= MAX_ROWS;
        let key = (part, mode.as_str(), route);
        let key = if full && !counts.contains_key(&key) {
            (part, mode.as_str(), crate::names::value::OVERFLOW)
        } else {
            key
        };
        *counts.entry(key).or_default() += 1;
        mode == Mode::Enforce
    }

    /// What was counted, in a stable order.
    pub fn counts(&self) -> Vec<Count> {
        let counts = self
            .state
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let row = |(&(part, mode, route), &count)| Count {
            part,
            mode,
            route,
            count,
        };
        counts.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_enforce_acts_and_off_does_not_even_count() {
        let rollout = Rollout::default();
        for (mode, acts, counted) in [
            (Mode::Off, false, 0),
            (Mode::Observe, false, 1),
            (Mode::Enforce, true, 2),
        ] {
            rollout.set(Part::Timeout, mode);
            assert_eq!(rollout.acts(Part::Timeout, "/"), acts);
            let sum: u64 = rollout.counts().iter().map(|row| row.count).sum();
            assert_eq!(sum, counted, "{mode}");
        }
    }

    #[test]
    fn an_unlimited_route_is_neither_refused_nor_counted_but_drains() {
        let rollout = Rollout::default();
        rollout.never_limit("/errors");
        for (part, acts) in [
            (Part::Limit, false),
            (Part::Concurrency, false),
            (Part::Drain, true),
            (Part::Shape, true),
            (Part::Timeout, true),
        ] {
            assert_eq!(rollout.acts(part, "/errors"), acts, "{part:?}");
            assert!(rollout.acts(part, "/cards"));
        }
        assert_eq!(rollout.counts().len(), 5 + 3);
    }

    #[test]
    fn words_read_back() {
        for part in Part::ALL {
            assert_eq!(part.as_str().parse(), Ok(part));
        }
        for mode in [Mode::Off, Mode::Observe, Mode::Enforce] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        let wrong = "enfroce".parse::<Mode>().unwrap_err();
        assert!(wrong.to_string().contains("off, observe, enforce"));
    }
}
