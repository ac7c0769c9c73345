//! The model every product is made from: rules, dashboards, checks, gates.

use std::fmt;

use rust_decimal::Decimal;

use crate::query::Query;

/// All objectives of the input, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct SloFile {
    /// At least one; names are unique.
    pub objectives: Vec<Objective>,
}

impl SloFile {
    /// The services, each once, in order of appearance.
    pub fn services(&self) -> Vec<&str> {
        let mut services: Vec<&str> = Vec::new();
        for objective in &self.objectives {
            if !services.contains(&objective.service.as_str()) {
                services.push(&objective.service);
            }
        }
        services
    }
}

/// A target share of good events over a period.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Objective {
    /// Unique name, a DNS label.
    pub name: String,
    /// The service it belongs to, a DNS label.
    pub service: String,
    /// For people; the name when the file gives none.
    pub display_name: String,
    /// For people; empty when the file gives none.
    pub description: String,
    /// Class of requests, annotation `plimsoll.dev/class`.
    pub class: Option<String>,
    /// Absolute address of the runbook, annotation `plimsoll.dev/runbook`.
    pub runbook: Option<String>,
    /// Whom to ask, annotation `plimsoll.dev/owner`.
    pub owner: Option<String>,
    /// Strictly between 0 and 1, exact.
    pub target: Decimal,
    /// The time the target holds for.
    pub period: Period,
    /// What is counted.
    pub sli: Sli,
}

impl Objective {
    /// The error budget as a share: 1 − target, exact.
    ///
    /// ```
    /// # let source = plimsoll_slo::Source { name: "slo.yaml".into(), text: plimsoll_slo::EXAMPLE.into() };
    /// let file = plimsoll_slo::read(&[source]).unwrap();
    /// assert_eq!(file.objectives[0].target.to_string(), "0.999");
    /// assert_eq!(file.objectives[0].budget().to_string(), "0.001");
    /// ```
    pub fn budget(&self) -> Decimal {
        Decimal::ONE - self.target
    }
}

/// A service level indicator.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Sli {
    /// Good events over valid events. A file that gives `bad` is read as
    /// `good = (total) - (bad)`.
    Ratio {
        /// Counts good events.
        good: Query,
        /// Counts valid events.
        total: Query,
    },
}

/// A rolling period in whole days, 7 to 366.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    days: u32,
}

impl Period {
    /// Shorter, the burn-rate windows of up to three days have no meaning.
    pub const MIN_DAYS: u32 = 7;
    /// Longer, nobody keeps the data.
    pub const MAX_DAYS: u32 = 366;

    /// `None` outside 7 to 366 days.
    pub fn from_days(days: u32) -> Option<Self> {
        (Self::MIN_DAYS..=Self::MAX_DAYS)
            .contains(&days)
            .then_some(Self { days })
    }

    /// Whole days.
    pub const fn days(self) -> u32 {
        self.days
    }

    /// Whole hours.
    pub const fn hours(self) -> u32 {
        self.days * 24
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.days)
    }
}
