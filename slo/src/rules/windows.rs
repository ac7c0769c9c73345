//! Which windows are recorded and which pairs of them alert.

use rust_decimal::Decimal;

use crate::model::Objective;

/// Counted straight from the service's counters.
pub(super) const SHORT: [&str; 5] = ["5m", "30m", "1h", "2h", "6h"];
/// Counted from the recorded five-minute counts, as is the period itself.
pub(super) const LONG: [&str; 2] = ["1d", "3d"];

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody must look now.
    Page,
    /// Somebody must look within days.
    Ticket,
}

impl Severity {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// Two windows and the burn rate at which both together alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pair {
    /// How urgent.
    pub severity: Severity,
    /// The window that decides.
    pub long: &'static str,
    /// The window that lets the alert end; a twelfth of the long one.
    pub short: &'static str,
    /// Burn rate above which it fires.
    pub factor: Decimal,
    /// Whether any bad share can reach the factor: factor · (1 − target) < 1.
    pub can_fire: bool,
}

/// Severity, windows, hours of the long one, and the share of the period's budget
/// that is spent when the alert fires, in percent. Google SRE workbook, chapter 5.
const TABLE: [(Severity, &str, &str, u32, u32); 4] = [
    (Severity::Page, "1h", "5m", 1, 2),
    (Severity::Page, "6h", "30m", 6, 5),
    (Severity::Ticket, "1d", "2h", 24, 10),
    (Severity::Ticket, "3d", "6h", 72, 10),
];

/// The pairs of an objective.
///
/// factor = budget share · period / long window, rounded to three places, but
/// never below 1: there it would alert on a service that holds its objective.
///
/// ```
/// # use plimsoll_slo::{EXAMPLE, Source, read, rules::pairs};
/// # let factors = |text: String| -> Vec<String> {
/// #     let file = read(&[Source { name: "slo.yaml".into(), text }]).unwrap();
/// #     pairs(&file.objectives[0]).iter().map(|pair| pair.factor.to_string()).collect()
/// # };
/// assert_eq!(factors(EXAMPLE.into()), ["14.4", "6", "3", "1"]); // 30d
/// assert_eq!(factors(EXAMPLE.replace("30d", "28d")), ["13.44", "5.6", "2.8", "1"]);
/// ```
pub fn pairs(objective: &Objective) -> [Pair; 4] {
    TABLE.map(|(severity, long, short, hours, percent)| {
        let spent = Decimal::new(i64::from(percent), 2);
        let factor = spent * Decimal::from(objective.period.hours()) / Decimal::from(hours);
        let factor = factor.round_dp(3).max(Decimal::ONE).normalize();
        Pair {
            severity,
            long,
            short,
            factor,
            can_fire: factor * objective.budget() < Decimal::ONE,
        }
    })
}
