//! The alerts of one objective: four burn-rate pairs and missing data.

use rust_decimal::Decimal;

use super::series;
use super::windows::{Pair, Severity, pairs};
use super::yaml::Rule;
use crate::model::{Objective, Sli};

const BURN: &str = "PlimsollSloBudgetBurn";
const NO_DATA: &str = "PlimsollSloNoData";

/// The rules, and a comment for every pair that had to be left out.
pub(super) fn rules(objective: &Objective) -> (Vec<Rule>, Vec<String>) {
    let (able, unable): (Vec<Pair>, Vec<Pair>) =
        pairs(objective).into_iter().partition(|pair| pair.can_fire);
    let mut rules: Vec<Rule> = able.iter().map(|pair| burn(objective, pair)).collect();
    let mut comments: Vec<String> = unable
        .iter()
        .map(|pair| {
            format!(
                "No alert over {}: with a budget of {} nothing burns {} times as fast.",
                pair.long,
                percent(objective.budget()),
                pair.factor
            )
        })
        .collect();
    match no_data(objective) {
        Some(rule) => rules.push(rule),
        None => comments.push("No alert on missing data: every query says `or vector(0)`.".into()),
    }
    (rules, comments)
}

fn burn(objective: &Objective, pair: &Pair) -> Rule {
    let above = |window| {
        let rate = series::of(&series::burn_rate(window), objective);
        format!("{rate} > {}", pair.factor)
    };
    let mut labels = labels(objective, pair.severity);
    labels.push(("long_window", pair.long.to_owned()));
    labels.push(("short_window", pair.short.to_owned()));
    Rule {
        kind: "alert",
        name: BURN.to_owned(),
        expr: format!("{}\nand\n{}", above(pair.long), above(pair.short)),
        // Five minutes of traffic waver round a threshold; one page is enough.
        hold: if pair.short == "5m" {
            vec![("keep_firing_for", "5m")]
        } else {
            Vec::new()
        },
        labels,
        annotations: annotations(
            objective,
            format!(
                "{} of {} spends its error budget {{{{ $value | printf \"%.1f\" }}}} times as fast as it lasts",
                literal(&objective.display_name),
                objective.service
            ),
            format!(
                "Measured over the last {}; the limit is {}, at which a budget of {} for {} is gone \
                 in {} hours. The target is {}.",
                pair.long,
                pair.factor,
                percent(objective.budget()),
                objective.period,
                (Decimal::from(objective.period.hours()) / pair.factor).round(),
                percent(objective.target),
            ),
        ),
    }
}

/// `absent` of a sum has no labels, whatever the selector's matchers.
fn no_data(objective: &Objective) -> Option<Rule> {
    let Sli::Ratio { good, total } = &objective.sli;
    let mut missing: Vec<String> = Vec::new();
    for selector in [good, total].into_iter().flat_map(|query| query.needed()) {
        let absent = format!("absent(sum({selector}))");
        if !missing.contains(&absent) {
            missing.push(absent);
        }
    }
    if missing.is_empty() {
        return None;
    }
    Some(Rule {
        kind: "alert",
        name: NO_DATA.to_owned(),
        expr: missing.join("\nor\n"),
        hold: vec![("for", "10m")],
        labels: labels(objective, Severity::Page),
        annotations: annotations(
            objective,
            format!(
                "{} of {} has no data",
                literal(&objective.display_name),
                objective.service
            ),
            "No series has matched the indicator for 10 minutes, so no burn-rate alert can fire. \
             The service is down, is not scraped, or has renamed its metrics."
                .to_owned(),
        ),
    })
}

/// Written out even where the series bring them: promtool takes two alerts of one
/// name for the same unless their rules' own labels differ.
fn labels(objective: &Objective, severity: Severity) -> Vec<(&'static str, String)> {
    let mut labels = series::labels(objective);
    labels.push(("severity", severity.as_str().to_owned()));
    labels
}

fn annotations(
    objective: &Objective,
    summary: String,
    description: String,
) -> Vec<(&'static str, String)> {
    let mut all = vec![("summary", summary), ("description", description)];
    all.extend(
        objective
            .owner
            .as_deref()
            .map(|owner| ("owner", literal(owner))),
    );
    all.extend(
        objective
            .runbook
            .as_deref()
            .map(|url| ("runbook_url", literal(url))),
    );
    all
}

/// Annotations are templates; a name from the file must not act as one.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

fn percent(share: Decimal) -> String {
    format!("{} %", (share * Decimal::ONE_HUNDRED).normalize())
}
