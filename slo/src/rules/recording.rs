//! The recording rules of one objective.

use super::series;
use super::windows::{LONG, SHORT};
use super::yaml::Rule;
use crate::model::{Objective, Sli};

pub(super) fn rules(objective: &Objective) -> Vec<Rule> {
    let period = objective.period.to_string();
    let long = || LONG.into_iter().chain([period.as_str()]);
    let mut rules = Vec::new();
    for window in SHORT {
        rules.extend(counted(objective, window));
    }
    for window in long() {
        rules.extend(added_up(objective, window));
    }
    for window in SHORT.into_iter().chain(long()) {
        rules.push(burn_rate(objective, window));
    }
    let remaining = format!("1 - {}", series::of(&series::burn_rate(&period), objective));
    rules.push(record(objective, series::BUDGET_REMAINING, remaining));
    let target = format!("vector({})", objective.target);
    rules.push(record(objective, series::TARGET, target));
    rules
}

/// Good and total over the service's own counters. A good counter that doesn't
/// exist is zero only where total exists: no data stays no data.
fn counted(objective: &Objective, window: &str) -> [Rule; 2] {
    let Sli::Ratio { good, total } = &objective.sli;
    let (good, total) = (good.over(window), total.over(window));
    [
        record(
            objective,
            &series::good(window),
            format!("({good})\nor\n0 * ({total})"),
        ),
        record(objective, &series::total(window), total),
    ]
}

/// The same from recorded five-minute counts, one a minute.
fn added_up(objective: &Objective, window: &str) -> [Rule; 2] {
    [series::good, series::total].map(|name| {
        let parts = series::of(&name("5m"), objective);
        let expr = format!("sum_over_time({parts}[{window}:1m]) / 5");
        record(objective, &name(window), expr)
    })
}

/// Extrapolation may leave a hair more good than total; nobody wants to read
/// a burn rate of −4e-15, hence the clamp.
fn burn_rate(objective: &Objective, window: &str) -> Rule {
    let good = series::of(&series::good(window), objective);
    let total = series::of(&series::total(window), objective);
    let expr = format!(
        "clamp_min(1 - {good} / ({total} > 0), 0)\n/ {}",
        objective.budget()
    );
    record(objective, &series::burn_rate(window), expr)
}

fn record(objective: &Objective, name: &str, expr: String) -> Rule {
    Rule {
        kind: "record",
        name: name.to_owned(),
        expr,
        hold: Vec::new(),
        labels: series::labels(objective),
        annotations: Vec::new(),
    }
}
