//! Template variables: data source, job, instance.

use plimsoll_core::names;
use serde_json::{Value, json};

/// The data source every panel uses.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

pub(super) fn all() -> Vec<Value> {
    vec![
        json!({
            "label": "Data source",
            "name": "datasource",
            "query": "prometheus",
            "refresh": 1,
            "type": "datasource",
        }),
        query(
            "job",
            "Job",
            &format!("label_values({}, job)", names::BUILD_INFO),
        ),
        query(
            "instance",
            "Instance",
            &format!(
                "label_values({}{{job=~\"$job\"}}, instance)",
                names::BUILD_INFO
            ),
        ),
    ]
}

fn query(name: &str, label: &str, query: &str) -> Value {
    json!({
        "allValue": ".+",
        "current": { "text": ["All"], "value": ["$__all"] },
        "datasource": datasource(),
        "includeAll": true,
        "label": label,
        "multi": true,
        "name": name,
        "query": query,
        "refresh": 2,
        "sort": 1,
        "type": "query",
    })
}

/// A line at every start of a process.
pub(super) fn deploys() -> Value {
    json!({
        "datasource": datasource(),
        "enable": true,
        "expr": format!(
            "changes({}{{job=~\"$job\",instance=~\"$instance\"}}[$__interval]) > 0",
            names::PROCESS_START
        ),
        "iconColor": "blue",
        "name": "Process starts",
        "titleFormat": "{{instance}} started",
    })
}

/// The query as it runs outside Grafana.
pub(super) fn filled(query: &str) -> String {
    query
        .replace("$__rate_interval", "1m")
        .replace("$job", ".+")
        .replace("$instance", ".+")
}
