//! What a check found, how old it is, and what that means.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a check or a probe says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Pass,
    /// Still good enough to serve.
    Warn,
    /// Not.
    Fail,
}

impl Status {
    /// The word of `application/health+json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// Back from `status as u8`, as it is kept in an atomic.
    pub(crate) const fn of(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Pass),
            1 => Some(Self::Warn),
            2 => Some(Self::Fail),
            _ => None,
        }
    }

    /// The value of [`plimsoll_core::names::CHECK_STATUS`].
    pub const fn value(self) -> f64 {
        match self {
            Self::Pass => 1.0,
            Self::Warn => 0.5,
            Self::Fail => 0.0,
        }
    }
}

/// How a check's runs become a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) rise: u32,
    pub(crate) fall: u32,
    /// Nanoseconds.
    pub(crate) max_age: u64,
    /// Nanoseconds that a failing check fails at least.
    pub(crate) dwell: u64,
    /// A failure only warns.
    pub(crate) optional: bool,
}

impl Rules {
    /// Of the check itself: whether the service can do without is another matter.
    pub(crate) const fn alone(self) -> Self {
        Self {
            optional: false,
            ..self
        }
    }
}

/// What the runs so far come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verdict {
    #[default]
    Unknown,
    Passing,
    /// Passing, but failed lately.
    Wavering,
    Failing,
}

impl Verdict {
    const fn of(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Unknown,
            1 => Self::Passing,
            2 => Self::Wavering,
            _ => Self::Failing,
        }
    }
}

/// The verdict and how many runs in a row ended alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Track {
    pub(crate) verdict: Verdict,
    passed: bool,
    streak: u32,
    /// When it began to fail, in nanoseconds.
    failing_since: u64,
}

impl Track {
    /// The track after one more run.
    pub(crate) fn step(self, passed: bool, now: u64, rules: &Rules) -> Self {
        let streak = if self.passed == passed {
            self.streak.saturating_add(1)
        } else {
            1
        };
        let verdict = match (self.verdict, passed) {
            (Verdict::Failing, true)
                if streak < rules.rise || now.saturating_sub(self.failing_since) < rules.dwell =>
            {
                Verdict::Failing
            }
            (_, true) => Verdict::Passing,
            (Verdict::Passing | Verdict::Wavering, false) if streak < rules.fall => {
                Verdict::Wavering
            }
            (_, false) => Verdict::Failing,
        };
        let begins = verdict == Verdict::Failing && self.verdict != Verdict::Failing;
        Self {
            verdict,
            passed,
            streak,
            failing_since: if begins { now } else { self.failing_since },
        }
    }
}

/// A check's latest evidence: written by its one task, read by every probe
/// without a lock.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// When it was taken, in nanoseconds, above two bits of [`Verdict`]; both
    /// in one word, so that a reader never sees the age of another's verdict.
    word: AtomicU64,
    /// Nanoseconds the last run took.
    took: AtomicU64,
    /// Why the last run failed; read for details only.
    reason: Mutex<Option<Box<str>>>,
}

/// A reading of [`Evidence`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    verdict: Verdict,
    /// Nanoseconds; `None` without evidence.
    pub(crate) taken: Option<u64>,
}

impl Evidence {
    /// Keeps what a run found.
    pub(crate) fn keep(&self, verdict: Verdict, now: u64, took: u64, reason: Option<Box<str>>) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        self.took.store(took, Ordering::Relaxed);
        self.word
            .store(now << 2 | verdict as u64, Ordering::Release);
    }

    pub(crate) fn read(&self) -> Reading {
        let word = self.word.load(Ordering::Acquire);
        let verdict = Verdict::of(word);
        Reading {
            verdict,
            taken: (verdict != Verdict::Unknown).then_some(word >> 2),
        }
    }

    /// Whether [`Reading::status`] is none that fails, in the few instructions that
    /// every probe takes for every check.
    pub(crate) fn serves(&self, now: u64, rules: &Rules) -> bool {
        if rules.optional {
            return true;
        }
        let word = self.word.load(Ordering::Acquire);
        let runs = matches!(Verdict::of(word), Verdict::Passing | Verdict::Wavering);
        runs && now.saturating_sub(word >> 2) <= rules.max_age.saturating_mul(2)
    }

    pub(crate) fn took(&self) -> u64 {
        self.took.load(Ordering::Relaxed)
    }

    /// Why the status is not [`Status::Pass`], for the details.
    pub(crate) fn why(&self, now: u64, rules: &Rules) -> Option<String> {
        let reading = self.read();
        let Some(age) = reading.age(now) else {
            return Some("no evidence yet".into());
        };
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = reason.as_deref();
        if age > rules.max_age {
            let (age, max) = (seconds(age), seconds(rules.max_age));
            let last = reason.map_or_else(String::new, |reason| format!("; it was: {reason}"));
            return Some(format!(
                "the evidence is {age:.1} s old, more than {max:.1} s{last}"
            ));
        }
        reason.map(Into::into)
    }
}

impl Reading {
    /// Nanoseconds since the evidence was taken.
    pub(crate) fn age(&self, now: u64) -> Option<u64> {
        self.taken.map(|taken| now.saturating_sub(taken))
    }

    pub(crate) fn status(&self, now: u64, rules: &Rules) -> Status {
        let by_runs = match self.verdict {
            Verdict::Passing => Status::Pass,
            Verdict::Wavering => Status::Warn,
            Verdict::Unknown | Verdict::Failing => Status::Fail,
        };
        let by_age = match self.age(now) {
            Some(age) if age > rules.max_age.saturating_mul(2) => Status::Fail,
            Some(age) if age > rules.max_age => Status::Warn,
            _ => Status::Pass,
        };
        let status = by_runs.max(by_age);
        if rules.optional {
            status.min(Status::Warn)
        } else {
            status
        }
    }
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        rise: 2,
        fall: 3,
        max_age: 10,
        dwell: 0,
        optional: false,
    };

    fn verdicts(runs: &[bool]) -> Vec<Verdict> {
        let steps = runs.iter().scan(Track::default(), |track, passed| {
            *track = track.step(*passed, 0, &RULES);
            Some(track.verdict)
        });
        steps.collect()
    }

    #[test]
    fn rise_and_fall_need_their_runs_in_a_row() {
        use Verdict::{Failing, Passing, Wavering};
        for (runs, expected) in [
            (&[true][..], Passing),
            (&[false], Failing),
            (&[true, false, false], Wavering),
            (&[true, false, false, false], Failing),
            (&[true, false, false, true, false, false], Wavering),
            (&[false, true], Failing),
            (&[false, true, true], Passing),
        ] {
            assert_eq!(verdicts(runs).last(), Some(&expected), "{runs:?}");
        }
    }

    proptest! {
        #[test]
        fn what_serves_is_what_does_not_fail(
            verdict in 0_u64..4, taken in 0_u64..50, now in 0_u64..100, optional: bool,
        ) {
            let rules = Rules { optional, ..RULES };
            let evidence = Evidence::default();
            evidence.keep(Verdict::of(verdict), taken, 1, None);
            let status = evidence.read().status(now, &rules);
            prop_assert_eq!(evidence.serves(now, &rules), status != Status::Fail);
        }

        #[test]
        fn a_flapping_check_changes_its_verdict_at_most_once(flaps in 1_usize..100) {
            let runs: Vec<bool> = (0..flaps).map(|run| run % 2 == 0).collect();
            let failing = verdicts(&runs).iter().filter(|v| **v == Verdict::Failing).count();
            prop_assert_eq!(failing, 0);
        }
    }

    #[test]
    fn what_fails_fails_for_its_dwell_however_often_it_succeeds() {
        let rules = Rules {
            dwell: 100,
            ..RULES
        };
        let mut track = Track::default().step(false, 50, &rules);
        for (now, verdict) in [
            (60, Verdict::Failing),
            (149, Verdict::Failing),
            (150, Verdict::Passing),
        ] {
            track = track.step(true, now, &rules);
            assert_eq!(track.verdict, verdict, "{now}");
        }
    }

    #[test]
    fn old_evidence_warns_then_fails_and_says_its_age() {
        let evidence = Evidence::default();
        assert_eq!(evidence.read().status(5, &RULES), Status::Fail);
        assert_eq!(evidence.why(5, &RULES).unwrap(), "no evidence yet");
        evidence.keep(Verdict::Passing, 100, 1, None);
        for (now, status) in [
            (100, Status::Pass),
            (110, Status::Pass),
            (111, Status::Warn),
            (120, Status::Warn),
            (121, Status::Fail),
        ] {
            assert_eq!(evidence.read().status(now, &RULES), status, "{now}");
        }
        assert_eq!(evidence.why(105, &RULES), None);
        assert!(evidence.why(111, &RULES).unwrap().contains("old"));
        let optional = Rules {
            optional: true,
            ..RULES
        };
        assert_eq!(evidence.read().status(999, &optional), Status::Warn);
    }
}
