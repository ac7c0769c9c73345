//! What a suite found.

use std::fmt;

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What is wrong.
    pub what: String,
    /// Which request showed it.
    pub place: String,
    /// How to mend it.
    pub how: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, place, how } = self;
        write!(f, "{place}: {what}\n    {how}")
    }
}

/// What a suite found; see [`Report::assert`].
#[derive(Debug, Clone)]
#[must_use = "a report that nobody asserts finds nothing"]
pub struct Report {
    suite: &'static str,
    asked: usize,
    failures: usize,
    faults: Vec<Fault>,
}

impl Report {
    pub(super) fn new(suite: &'static str) -> Self {
        Self {
            suite,
            asked: 0,
            failures: 0,
            faults: Vec::new(),
        }
    }

    pub(super) fn asked(&mut self) {
        self.asked += 1;
    }

    pub(super) fn failed(&mut self) {
        self.asked += 1;
        self.failures += 1;
    }

    /// The service gave no answer.
    pub(super) fn broken(&mut self, place: &str, what: &str) {
        self.failed();
        self.want(false, place, || {
            (
                what.to_owned(),
                "apply the layer last, by `Router::layer`: it turns panics and errors inside it into answers",
            )
        });
    }

    pub(super) fn want(
        &mut self,
        holds: bool,
        place: &str,
        otherwise: impl FnOnce() -> (String, &'static str),
    ) {
        if !holds {
            let (what, how) = otherwise();
            self.faults.push(Fault {
                what,
                place: place.into(),
                how: how.into(),
            });
        }
    }

    /// Takes texts out of what is told: a report may be anybody's to read.
    pub(super) fn mask(&mut self, texts: &[String]) {
        for fault in &mut self.faults {
            for text in texts {
                fault.what = fault.what.replace(text.as_str(), "[secret]");
            }
        }
    }

    /// Requests that were answered as a failure, and judged.
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// What is not as it must be.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Fails the test unless all is as it must be.
    ///
    /// # Panics
    ///
    /// With every fault: what, where, how to mend it. And when no request failed
    /// at all, for then nothing was shown.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.faults.is_empty(), "{self}");
        let shown = self.failures > 0;
        assert!(
            shown,
            "{self}\nNo request failed, so nothing was shown: name routes with `Suite::route`."
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            suite,
            asked,
            failures,
            faults,
        } = self;
        let count = faults.len();
        write!(
            f,
            "{suite} suite: {asked} requests, {failures} failures, {count} faults"
        )?;
        faults.iter().try_for_each(|fault| write!(f, "\n- {fault}"))
    }
}
