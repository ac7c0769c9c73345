//! Names of the recorded series and the labels that tell objectives apart.

use crate::model::Objective;

/// Label: name of the objective.
pub const SLO: &str = "slo";
/// Label: its service.
pub const SERVICE: &str = "service";
/// Label: its class of requests, where it has one.
pub const CLASS: &str = "class";

/// The target share, constant.
pub const TARGET: &str = "plimsoll_slo:target:ratio";
/// Share of the period's error budget that is left; below 0 when overspent.
pub const BUDGET_REMAINING: &str = "plimsoll_slo:budget_remaining:ratio";

/// Good events in a window such as `5m`.
pub fn good(window: &str) -> String {
    format!("plimsoll_slo:good:increase{window}")
}

/// Valid events in a window.
pub fn total(window: &str) -> String {
    format!("plimsoll_slo:total:increase{window}")
}

/// Bad share in a window over the error budget; absent when nothing was counted.
pub fn burn_rate(window: &str) -> String {
    format!("plimsoll_slo:burn_rate:{window}")
}

/// The labels of an objective's series, in the order in which they are written.
pub(super) fn labels(objective: &Objective) -> Vec<(&'static str, String)> {
    let mut labels = vec![
        (SLO, objective.name.clone()),
        (SERVICE, objective.service.clone()),
    ];
    labels.extend(objective.class.clone().map(|class| (CLASS, class)));
    labels
}

/// A selector of one objective's recorded series. Names and services are DNS
/// labels, so nothing needs escaping.
pub(super) fn of(name: &str, objective: &Objective) -> String {
    format!(
        r#"{name}{{{SLO}="{}",{SERVICE}="{}"}}"#,
        objective.name, objective.service
    )
}
