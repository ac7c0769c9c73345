//! What changed, when, and why: the last transitions of checks and probes.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::evidence::Status;

/// Most transitions that are kept; the oldest go first.
pub const MAX_KEPT: usize = 256;

/// A check or a probe that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// When it was found.
    pub at: SystemTime,
    /// Name of the check, or `livez`, `readyz`.
    pub name: String,
    /// What it said before; `None` before the first evidence.
    pub from: Option<Status>,
    /// What it says since.
    pub to: Status,
    /// Why it is not [`Status::Pass`]: of a check its reason, of a probe the
    /// rows that fail, each with its own.
    pub why: Option<String>,
}

/// A bounded ring of transitions.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    ring: VecDeque<Transition>,
    forgotten: u64,
}

impl History {
    pub(crate) fn keep(&self, transition: Transition) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.ring.len() >= MAX_KEPT {
            kept.ring.pop_front();
            kept.forgotten += 1;
        }
        kept.ring.push_back(transition);
    }

    /// The transitions, oldest first, and how many came before them.
    pub(crate) fn read(&self) -> (Vec<Transition>, u64) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.ring.iter().cloned().collect(), kept.forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_are_counted() {
        let history = History::default();
        for number in 0..MAX_KEPT + 3 {
            history.keep(Transition {
                at: SystemTime::UNIX_EPOCH,
                name: number.to_string(),
                from: None,
                to: Status::Pass,
                why: None,
            });
        }
        let (kept, forgotten) = history.read();
        assert_eq!((kept.len(), forgotten), (MAX_KEPT, 3));
        assert_eq!(
            (kept[0].name.as_str(), kept[MAX_KEPT - 1].name.as_str()),
            ("3", "258")
        );
    }
}
