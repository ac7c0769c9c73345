//! A Grafana dashboard from objectives: traffic, latency, budgets, Plimsoll's own health.
//!
//! Classic JSON, `schemaVersion` 42, the form Grafana provisions from files. The
//! data source is a variable; nothing has to be replaced on import.

use serde_json::{Value, json};

use crate::model::SloFile;
use crate::rules::{Severity, pairs};

mod layout;
mod panel;
mod panels;
mod variables;

/// Grafana's own constant for Classic dashboards, as of Grafana 13.
const SCHEMA_VERSION: u32 = 42;
/// Grafana refuses longer identifiers.
const MAX_UID: usize = 40;

/// The dashboard as JSON text. The same input gives the same text, byte for byte.
///
/// The budget panels read what [`crate::rules`] records; the others read the
/// service's own series.
///
/// ```
/// use plimsoll_slo::{EXAMPLE, Source, dashboards, read};
/// let file = read(&[Source { name: "slo.yaml".into(), text: EXAMPLE.into() }]).unwrap();
/// let text = dashboards::build(&file);
/// let queries = dashboards::queries(&text).unwrap();
/// assert!(queries.iter().any(|(title, _)| title == "Error budget left"));
/// assert!(queries.iter().all(|(_, query)| !query.contains('$')));
/// ```
pub fn build(file: &SloFile) -> String {
    let services = file.services();
    let name = services.join("-");
    let mut dashboard = json!({
        "annotations": { "list": [variables::deploys()] },
        "description": "Made by `plimsoll dashboards build`. Change the SLO file and build again.",
        "editable": false,
        "graphTooltip": 1,
        "id": null,
        "links": [],
        "panels": layout::place(&panels::rows(&services, &page_factors(file))),
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["plimsoll", "slo"],
        "templating": { "list": variables::all() },
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "browser",
        "title": format!("{} / service and objectives", services.join(", ")),
        "uid": format!("plimsoll-{name}").chars().take(MAX_UID).collect::<String>(),
        "version": 1,
    });
    // Another crate of the same build may make maps keep insertion order.
    dashboard.sort_all_objects();
    format!("{dashboard:#}\n")
}

/// Title and query of every panel, with the variables filled in so that the
/// query runs on any Prometheus: every job and instance, rates over one minute.
///
/// # Errors
/// `json` is no JSON.
pub fn queries(json: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    let dashboard: Value = serde_json::from_str(json)?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Ok(list(&dashboard, "panels")
        .iter()
        .flat_map(|panel| {
            list(panel, "targets").into_iter().map(|target| {
                (
                    text(panel, "title"),
                    variables::filled(&text(&target, "expr")),
                )
            })
        })
        .collect())
}

/// The burn rates at which the objectives page, ascending, each once.
fn page_factors(file: &SloFile) -> Vec<String> {
    let mut factors: Vec<_> = file
        .objectives
        .iter()
        .flat_map(pairs)
        .filter(|pair| pair.severity == Severity::Page && pair.can_fire)
        .map(|pair| pair.factor)
        .collect();
    factors.sort_unstable();
    factors.dedup();
    factors.iter().map(ToString::to_string).collect()
}
