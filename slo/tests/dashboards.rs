//! The generated dashboard: what Grafana needs, and names that exist.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;

use plimsoll_slo::dashboards;
use serde_json::Value;

mod common;

fn panels(dashboard: &Value) -> Vec<&Value> {
    let all = dashboard["panels"].as_array();
    all.into_iter().flatten().collect()
}

fn card_service() -> Value {
    serde_json::from_str(&dashboards::build(&common::card_service())).unwrap()
}

#[test]
fn the_committed_dashboard_is_what_the_generator_makes() {
    let committed = include_str!("../../dashboards/generated/card-service.json");
    assert!(
        dashboards::build(&common::card_service()) == committed,
        "dashboards/generated/card-service.json is stale: make generate"
    );
}

#[test]
fn every_panel_has_title_description_unit_and_its_own_place() {
    let dashboard = card_service();
    let (mut titles, mut places, mut ids) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        assert!(places.insert(panel["gridPos"].to_string()), "{panel}");
        assert!(titles.insert(panel["title"].as_str()), "{panel}");
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24);
        if panel["type"] != "row" {
            assert!(
                panel["description"].as_str().unwrap().ends_with('.'),
                "{panel}"
            );
            assert!(
                !panel["fieldConfig"]["defaults"]["unit"]
                    .as_str()
                    .unwrap()
                    .is_empty()
            );
            assert_eq!(panel["datasource"]["uid"], "${datasource}");
        }
    }
    assert!(titles.len() > 15, "{titles:?}");
}

#[test]
fn every_query_is_promql_over_names_that_plimsoll_exports_or_records() {
    let file = common::card_service();
    let rules = plimsoll_slo::rules::generate(&file);
    let names = include_str!("../../crates/core/src/names.rs");
    let queries = dashboards::queries(&dashboards::build(&file)).unwrap();
    for (title, query) in &queries {
        promql_parser::parser::parse(query).unwrap_or_else(|error| panic!("{title}: {error}"));
        let mut words = query.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)));
        let known = words.any(|word| {
            let base = word.trim_end_matches("_bucket").trim_end_matches("_count");
            rules.contains(&format!("record: {word}\n")) || names.contains(&format!("\"{base}\""))
        });
        assert!(known, "{title}: {query}");
    }
    assert!(queries.len() > 15);
}

#[test]
fn the_burn_rates_that_page_are_drawn_as_lines() {
    let dashboard = card_service();
    let burn = panels(&dashboard)
        .into_iter()
        .find(|panel| panel["title"] == "Burn rate, one hour")
        .unwrap();
    let steps = &burn["fieldConfig"]["defaults"]["thresholds"]["steps"];
    let values: Vec<_> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["value"].as_f64())
        .collect();
    assert_eq!(values, [None, Some(6.0), Some(14.4)]);
    assert_eq!(
        burn["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"],
        "dashed"
    );
}

#[test]
fn what_grafana_needs_to_provision_it_is_there() {
    let dashboard = card_service();
    assert_eq!(dashboard["schemaVersion"], 42);
    assert_eq!(dashboard["id"], Value::Null);
    assert_eq!(dashboard["uid"], "plimsoll-card-service");
    let variables: Vec<_> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
}
