//! How long each step of a shutdown may take, proven to fit before it is needed.

use std::time::Duration;

/// Left over for everything that is not a step of its own.
pub const MARGIN: Duration = Duration::from_secs(1);

/// The steps between the signal to end and the end.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_health::Budget;
///
/// assert!(Budget::default().prove().is_ok());
///
/// let long = Budget { drain: Duration::from_secs(25), ..Budget::default() };
/// assert_eq!(
///     long.prove().unwrap_err().to_string(),
///     "a shutdown may take 34s (propagation 5s + drain 25s + flush 3s + margin 1s) \
///      but is killed after 30s: lower drain to 21s or raise the grace to 34s",
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// From not ready to the closed listener: load balancers need it to notice.
    pub propagation: Duration,
    /// From the closed listener until what is still in flight is cut.
    pub drain: Duration,
    /// For the last telemetry.
    pub flush: Duration,
    /// When the platform kills the process; Kubernetes'
    /// `terminationGracePeriodSeconds`.
    pub grace: Duration,
}

impl Default for Budget {
    /// 5 s, 18 s and 3 s of 30 s.
    fn default() -> Self {
        Self {
            propagation: Duration::from_secs(5),
            drain: Duration::from_secs(18),
            flush: Duration::from_secs(3),
            grace: Duration::from_secs(30),
        }
    }
}

/// The steps do not fit into the grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.advice())]
pub struct BudgetError {
    /// What was asked for.
    pub budget: Budget,
    /// How long the steps take together, margin included.
    pub needed: Duration,
}

impl Budget {
    /// How long a shutdown may take, margin included.
    pub fn needed(&self) -> Duration {
        let steps = self.propagation.saturating_add(self.drain);
        steps.saturating_add(self.flush).saturating_add(MARGIN)
    }

    /// These steps cut until they fit into the grace period: the drain first,
    /// then the propagation, then the flush.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        let mut over = self.needed().saturating_sub(self.grace);
        for step in [&mut self.drain, &mut self.propagation, &mut self.flush] {
            let cut = over.min(*step);
            *step -= cut;
            over -= cut;
        }
        self
    }

    /// Shows that propagation + drain + flush + margin fit into the grace period.
    ///
    /// # Errors
    /// When they do not: which numbers to change, and to what.
    pub fn prove(&self) -> Result<(), BudgetError> {
        let needed = self.needed();
        if needed <= self.grace {
            return Ok(());
        }
        Err(BudgetError {
            budget: *self,
            needed,
        })
    }
}

impl BudgetError {
    fn advice(&self) -> String {
        let Budget {
            propagation,
            drain,
            flush,
            grace,
        } = self.budget;
        let needed = self.needed;
        let fault = format!(
            "a shutdown may take {needed:?} (propagation {propagation:?} + drain {drain:?} + \
             flush {flush:?} + margin {MARGIN:?}) but is killed after {grace:?}"
        );
        match grace.checked_sub(needed.saturating_sub(drain)) {
            Some(fits) => {
                format!("{fault}: lower drain to {fits:?} or raise the grace to {needed:?}")
            }
            None => format!(
                "{fault}: lower propagation and flush too, or raise the grace to {needed:?}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_where_it_hurts_least_and_the_grace_holds() {
        let seconds = |of: [u64; 4]| {
            let [propagation, drain, flush, grace] = of.map(Duration::from_secs);
            Budget {
                propagation,
                drain,
                flush,
                grace,
            }
        };
        for (asked, used) in [
            ([5, 18, 3, 30], [5, 18, 3, 30]),
            ([5, 18, 3, 12], [5, 3, 3, 12]),
            ([5, 18, 3, 6], [2, 0, 3, 6]),
            ([5, 18, 3, 2], [0, 0, 1, 2]),
            ([5, 18, 3, 0], [0, 0, 0, 0]),
        ] {
            assert_eq!(seconds(asked).fitted(), seconds(used), "{asked:?}");
        }
    }

    #[test]
    fn a_budget_that_fits_to_the_nanosecond_is_enough() {
        let mut budget = Budget {
            grace: Duration::from_secs(27),
            ..Budget::default()
        };
        assert_eq!(budget.prove(), Ok(()));
        budget.flush += Duration::from_nanos(1);
        let error = budget.prove().unwrap_err();
        assert!(error.to_string().contains("lower drain to 17.999999999s"));
        budget.grace = Duration::from_secs(2);
        let error = budget.prove().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("lower propagation and flush too")
        );
    }
}
