//! What happened between two scrapes: the increase a query counts.
//!
//! Stricter than PromQL's `increase`, because two scrapes are all there is:
//! nothing is extrapolated, and what cannot be known is an error, never a zero.

use std::fmt;

use plimsoll_core::names;

use crate::exposition::{Exposition, Labels};
use crate::judge::Evidence;
use crate::model::Sli;
use crate::query::{Expr, Op, Query, Selector};

/// Why two scrapes say nothing about a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvidence {
    /// The second scrape has no series the selector matches.
    #[error(
        "no data: no series matches {selector}; check its spelling, that this is the right \
         service, and that it has had such a request"
    )]
    NoSeries {
        /// As PromQL.
        selector: String,
    },
    /// Counters began anew, so the difference means nothing.
    #[error("restarted: {0}; measure again without a restart")]
    Restarted(String),
    /// A series appeared and nothing tells whether it was born or reset.
    #[error(
        "{series} appeared during the measurement, and without {start} a new series cannot be \
         told from a restart; export {start}",
        start = names::PROCESS_START
    )]
    UnknownBirth {
        /// As PromQL.
        series: String,
    },
    /// There is no second scrape.
    #[error("the second scrape failed: {0}")]
    Lost(String),
    /// A series was there and is gone, and its count with it.
    #[error("{series} disappeared during the measurement; counters must not expire")]
    Vanished {
        /// As PromQL.
        series: String,
    },
}

/// Two scrapes of one process, the earlier first.
///
/// ```
/// use plimsoll_slo::{Exposition, Query, evaluate::Interval};
/// let before = Exposition::parse("hits_total{code=\"200\"} 5").unwrap();
/// let after = Exposition::parse("hits_total{code=\"200\"} 9").unwrap();
/// let interval = Interval::between(&before, &after).unwrap();
/// assert_eq!(interval.increase(&Query::parse("sum(hits_total)").unwrap()), Ok(4.0));
///
/// // A name that matches nothing is no evidence, unless the query says what to take.
/// assert!(interval.increase(&Query::parse("sum(hit_total)").unwrap()).is_err());
/// let filled = Query::parse("sum(hit_total) or vector(0)").unwrap();
/// assert_eq!(interval.increase(&filled), Ok(0.0));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Interval<'a> {
    before: &'a Exposition,
    after: &'a Exposition,
    /// Both scrapes tell the same process start.
    same_process: bool,
}

impl<'a> Interval<'a> {
    /// Refuses scrapes of two processes, as told by `process_start_time_seconds`.
    ///
    /// # Errors
    /// [`NoEvidence::Restarted`].
    pub fn between(before: &'a Exposition, after: &'a Exposition) -> Result<Self, NoEvidence> {
        let started =
            |scrape: &'a Exposition| -> Vec<_> { scrape.series(names::PROCESS_START).collect() };
        let (earlier, later) = (started(before), started(after));
        let told = !earlier.is_empty() && !later.is_empty();
        if told && earlier != later {
            return Err(NoEvidence::Restarted(format!(
                "{} changed",
                names::PROCESS_START
            )));
        }
        Ok(Self {
            before,
            after,
            same_process: told,
        })
    }

    /// What a query counted.
    ///
    /// # Errors
    /// [`NoEvidence`]; only a missing series is forgiven, and only inside `or vector(0)`.
    pub fn increase(&self, query: &Query) -> Result<f64, NoEvidence> {
        self.expr(query.expr())
    }

    /// Good and valid events of an indicator.
    ///
    /// # Errors
    /// [`NoEvidence`] of either query.
    pub fn evidence(&self, sli: &Sli) -> Result<Evidence, NoEvidence> {
        let Sli::Ratio { good, total } = sli;
        Ok(Evidence {
            total: self.increase(total)?,
            good: self.increase(good)?,
        })
    }

    fn expr(&self, expr: &Expr) -> Result<f64, NoEvidence> {
        match expr {
            Expr::Number(number) => Ok(*number),
            Expr::Sum(selector) => self.sum(selector),
            Expr::OrZero(inner) => match self.expr(inner) {
                Err(NoEvidence::NoSeries { .. }) => Ok(0.0),
                other => other,
            },
            Expr::Binary { op, left, right } => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                Ok(match op {
                    Op::Add => left + right,
                    Op::Subtract => left - right,
                    Op::Multiply => left * right,
                    Op::Divide => left / right,
                })
            }
        }
    }

    fn sum(&self, selector: &Selector) -> Result<f64, NoEvidence> {
        let name = &selector.name;
        for (labels, _) in self.before.series(name) {
            if selector.selects(labels) && self.after.value(name, labels).is_none() {
                return Err(NoEvidence::Vanished {
                    series: Series { name, labels }.to_string(),
                });
            }
        }
        let mut sum = None;
        for (labels, now) in self.after.series(name) {
            if selector.selects(labels) {
                let grown = self.grown(Series { name, labels }, now)?;
                sum = Some(sum.unwrap_or(0.0) + grown);
            }
        }
        sum.ok_or_else(|| NoEvidence::NoSeries {
            selector: selector.to_string(),
        })
    }

    fn grown(&self, series: Series<'_>, now: f64) -> Result<f64, NoEvidence> {
        match self.before.value(series.name, series.labels) {
            Some(then) if now < then => Err(NoEvidence::Restarted(format!(
                "{series} went down from {then} to {now}"
            ))),
            Some(then) => Ok(now - then),
            None if self.same_process => Ok(now),
            None => Err(NoEvidence::UnknownBirth {
                series: series.to_string(),
            }),
        }
    }
}

impl Selector {
    /// Whether a series of this metric is meant.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| {
            let value = labels.get(&matcher.name).map_or("", String::as_str);
            matcher.is_match(value)
        })
    }
}

#[derive(Clone, Copy)]
struct Series<'a> {
    name: &'a str,
    labels: &'a Labels,
}

impl fmt::Display for Series<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (index, (name, value)) in self.labels.iter().enumerate() {
            let open = if index == 0 { "{" } else { "," };
            write!(f, "{open}{name}={value:?}")?;
        }
        f.write_str(if self.labels.is_empty() { "" } else { "}" })
    }
}
