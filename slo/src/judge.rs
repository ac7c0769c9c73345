//! Evidence against an objective: the verdict.
//!
//! Let T be the target, b = 1 − T its budget, n the valid events counted and k
//! the bad ones.
//!
//! - Enough is n ≥ 3 / b, the *rule of three*: with no bad event in 3 / b
//!   trials the one-sided 95 % bound of the bad share is b (Hanley and
//!   Lippman-Hand, JAMA 1983, from (1 − b)ⁿ ≤ 0.05). Below it even a run
//!   without one failure doesn't show that the target is held, so nothing passes.
//! - With enough evidence the counted share decides, as it does for a period: PASS
//!   when good / n ≥ T, compared exactly, else FAIL.
//! - With less, a run that is bad beyond doubt still fails: FAIL when the exact
//!   one-sided 95 % upper bound of the good share (Clopper and Pearson,
//!   Biometrika 1934) is below T, that is when P(K ≥ k) < 0.05 for
//!   K ~ Binomial(n, b). Otherwise INCONCLUSIVE, with how many more are needed.
//! - What cannot be a count, or more good than valid events, is INVALID.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::model::Objective;

/// Chance of a FAIL on too little evidence although the target is held.
const SIGNIFICANCE: f64 = 0.05;
/// The rule of three.
const RULE: Decimal = Decimal::from_parts(3, 0, 0, false, 0);

/// Counted events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Good events.
    pub good: f64,
    /// Valid events, the good ones included.
    pub total: f64,
}

/// What the evidence says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The objective is held.
    Pass,
    /// It is not enough to tell.
    Inconclusive {
        /// How many more valid events are needed, at least.
        needed: u64,
    },
    /// The objective is missed.
    Fail,
    /// The measurement is at fault.
    Invalid {
        /// What was wrong with it.
        why: String,
    },
}

impl Verdict {
    /// The word for people and for JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Inconclusive { .. } => "INCONCLUSIVE",
            Self::Fail => "FAIL",
            Self::Invalid { .. } => "INVALID",
        }
    }

    /// 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 INVALID.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive { .. } => 3,
            Self::Invalid { .. } => 4,
        }
    }

    /// The worse of two: INVALID, FAIL, INCONCLUSIVE, PASS. Of two alike the one
    /// that needs more, else `self`.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }

    const fn rank(&self) -> (u8, u64) {
        match self {
            Self::Pass => (0, 0),
            Self::Inconclusive { needed } => (1, *needed),
            Self::Fail => (2, 0),
            Self::Invalid { .. } => (3, 0),
        }
    }
}

/// Valid events an objective needs for a PASS: 3 / (1 − target), rounded up.
pub fn enough(objective: &Objective) -> u64 {
    // Targets have at most nine decimal places, so this fits.
    RULE.checked_div(objective.budget())
        .and_then(|events| events.ceil().to_u64())
        .unwrap_or(u64::MAX)
}

/// Judges one objective.
///
/// ```
/// use plimsoll_slo::{EXAMPLE, Evidence, Source, Verdict, judge, read};
/// let file = read(&[Source { name: "slo.yaml".into(), text: EXAMPLE.into() }]).unwrap();
/// let objective = &file.objectives[0]; // target 0.999: enough is 3,000
/// let judge = |good, total| judge(objective, &Evidence { good, total });
/// assert_eq!(judge(2_997.0, 3_000.0), Verdict::Pass);
/// assert_eq!(judge(2_996.0, 3_000.0), Verdict::Fail);
/// assert_eq!(judge(1_000.0, 1_000.0), Verdict::Inconclusive { needed: 2_000 });
/// assert_eq!(judge(0.0, 10.0), Verdict::Fail);
/// ```
pub fn judge(objective: &Objective, evidence: &Evidence) -> Verdict {
    let Evidence { good, total } = *evidence;
    let invalid = |why: String| Verdict::Invalid { why };
    if !good.is_finite() || !total.is_finite() || good < 0.0 || total < 0.0 {
        return invalid(format!("{good} good of {total} are not counts"));
    }
    if good > total {
        return invalid(format!(
            "{good} good events are more than the {total} valid ones; the SLI's queries disagree"
        ));
    }
    let enough = enough(objective);
    let counted = total.floor() as u64;
    let Some(holds) = holds(objective, evidence) else {
        return invalid(format!("{total} events are too many to compare exactly"));
    };
    match (counted >= enough, holds) {
        (true, true) => Verdict::Pass,
        (true, false) => Verdict::Fail,
        (false, false) if is_beyond_doubt(objective, evidence) => Verdict::Fail,
        (false, _) => Verdict::Inconclusive {
            needed: enough - counted,
        },
    }
}

/// good ≥ target · total, in decimals, because 0.99 is no binary fraction.
fn holds(objective: &Objective, evidence: &Evidence) -> Option<bool> {
    let good = Decimal::from_f64_retain(evidence.good)?;
    let total = Decimal::from_f64_retain(evidence.total)?;
    Some(good >= objective.target.checked_mul(total)?)
}

/// P(K ≥ k) < 0.05 for K ~ Binomial(n, b).
///
/// Called with n < 3 / b only, so (1 − b)ⁿ doesn't underflow and the sum is near
/// one after a dozen terms. Fractions of events count for the objective.
fn is_beyond_doubt(objective: &Objective, evidence: &Evidence) -> bool {
    let Some(budget) = objective.budget().to_f64() else {
        return false;
    };
    let trials = evidence.total.ceil();
    let bad = (evidence.total - evidence.good).floor();
    let odds = budget / (1.0 - budget);
    let mut chance = (1.0 - budget).powf(trials);
    let (mut below, mut count) = (0.0, 0.0);
    while count < bad {
        below += chance;
        if 1.0 - below < SIGNIFICANCE {
            return true;
        }
        chance *= odds * (trials - count) / (count + 1.0);
        count += 1.0;
    }
    false
}
