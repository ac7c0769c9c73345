//! Prometheus recording and alert rules from objectives.
//!
//! **Counts are recorded and divided last.** For each window the good and the
//! valid events are counted; only then is a ratio made of them. An average of
//! ratios, as other generators write for the long windows, weighs a quiet hour
//! like a busy one, and one idle interval (0/0) makes it NaN for the whole period.
//!
//! - Windows up to six hours are `increase` over the service's own counters.
//! - Longer ones would read every raw sample of the period at each evaluation, so
//!   they add up the recorded five-minute counts: one a minute, divided by five,
//!   because each instant then lies in five of them. The numbers are whole counts
//!   whatever the evaluation interval, as long as it is below five minutes, and a
//!   gap in the data is missing from good and total alike.
//! - A good counter that was never born counts as zero wherever valid events are
//!   counted (`or 0 * total`): an outage from the first request on must burn.
//! - With nothing counted there is no burn rate: no NaN, no 0, no 100 %.
//!
//! Alerts pair windows as the Google SRE workbook does (chapter 5, "Alerting on
//! SLOs", table 5-8): the long one decides, the short one lets the alert end.
//! Each pair is a rule of its own, so that a fast page ends with its five-minute
//! window and doesn't wait for the thirty minutes of the slow one. Without data
//! no burn rate can page, so missing data pages by itself.
//!
//! Groups name no interval: the server's `evaluation_interval` holds, at most 1m.

use crate::model::{Objective, SloFile};

mod alerts;
mod recording;
pub mod series;
mod windows;
mod yaml;

pub use windows::{Pair, Severity, pairs};

/// One YAML document with a group for each objective. The same input gives the
/// same text, byte for byte.
///
/// ```
/// use plimsoll_slo::{EXAMPLE, Source, read, rules};
/// let source = |text: String| Source { name: "slo.yaml".into(), text };
/// let file = read(&[source(EXAMPLE.into())]).unwrap();
/// let text = rules::generate(&file);
/// assert!(text.contains("plimsoll_slo:total:increase30d"));
///
/// let weekly = EXAMPLE.replace("30d", "1w");
/// let text = rules::generate(&read(&[source(weekly)]).unwrap());
/// assert!(text.contains("plimsoll_slo:total:increase7d"));
/// ```
pub fn generate(file: &SloFile) -> String {
    let groups: Vec<yaml::Group> = file.objectives.iter().map(group).collect();
    yaml::render(&groups)
}

fn group(objective: &Objective) -> yaml::Group {
    let mut rules = recording::rules(objective);
    let (alerts, comments) = alerts::rules(objective);
    rules.extend(alerts);
    yaml::Group {
        name: format!("plimsoll-slo-{}-{}", objective.service, objective.name),
        comments,
        rules,
    }
}
