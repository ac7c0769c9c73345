//! The generated rules, judged by Prometheus's own tool.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::Path;
use std::process::{Command, Output};

use plimsoll_slo::{EXAMPLE, Source, read, rules};

mod common;

fn promtool(arguments: &[&str], directory: &Path) -> Output {
    Command::new("promtool")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| {
            panic!("promtool does not start ({error}): install Debian's package `prometheus`")
        })
}

fn assert_success(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("duplicate rule"), "{said}");
}

fn generated(text: &str) -> String {
    let source = Source {
        name: "slo.yaml".to_owned(),
        text: text.to_owned(),
    };
    rules::generate(&read(&[source]).unwrap())
}

/// Runs `cases` against rules; `promtool test rules` decides.
fn assert_behaviour(rules: &str, cases: &str) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("slo.rules.yaml"), rules).unwrap();
    let test = format!("rule_files: [slo.rules.yaml]\nevaluation_interval: 1m\ntests:\n{cases}");
    std::fs::write(directory.path().join("test.yaml"), test).unwrap();
    assert_success(&promtool(&["test", "rules", "test.yaml"], directory.path()));
}

#[test]
fn the_committed_rules_are_what_the_generator_makes() {
    let committed = include_str!("../generated/card-service.rules.yaml");
    assert!(
        rules::generate(&common::card_service()) == committed,
        "slo/generated/card-service.rules.yaml is stale: make generate"
    );
}

#[test]
fn promtool_accepts_the_rules_of_any_period_and_target() {
    let directory = tempfile::tempdir().unwrap();
    let hostile = EXAMPLE.replace(
        "name: checkout-availability",
        "name: checkout-availability\n  displayName: 'a {{ \"quoted\" }} # name: \\ of 100 %'",
    );
    for (name, text) in [
        ("card-service", rules::generate(&common::card_service())),
        ("weekly", generated(&EXAMPLE.replace("30d", "7d"))),
        ("modest", generated(&EXAMPLE.replace("0.999", "0.5"))),
        ("strict", generated(&EXAMPLE.replace("0.999", "0.99999"))),
        ("hostile", generated(&hostile)),
    ] {
        std::fs::write(directory.path().join(name), text).unwrap();
        assert_success(&promtool(&["check", "rules", name], directory.path()));
    }
}

#[test]
fn the_same_file_gives_the_same_text() {
    assert_eq!(generated(EXAMPLE), generated(EXAMPLE));
    assert_eq!(generated(EXAMPLE).matches("\n---").count(), 0);
}

#[test]
fn a_pair_that_cannot_fire_is_left_out_and_said_so() {
    let modest = generated(&EXAMPLE.replace("0.999", "0.9"));
    assert!(
        modest.contains(
            "# No alert over 1h: with a budget of 10 % nothing burns 14.4 times as fast."
        )
    );
    assert_eq!(modest.matches("alert: PlimsollSloBudgetBurn").count(), 3);
}

#[test]
fn an_indicator_that_fills_every_gap_has_no_alert_on_missing_data() {
    let filled = EXAMPLE
        .replace(
            "sum(requests_total{slo=\"good\"})",
            "sum(a_total) or vector(0)",
        )
        .replace(
            "sum(requests_total{slo=~\"good|bad\"})",
            "sum(b_total) or vector(0)",
        );
    let text = generated(&filled);
    assert!(!text.contains("PlimsollSloNoData"));
    assert!(text.contains("# No alert on missing data"));
}

#[test]
fn an_outage_pages_and_ends_and_health_stays_silent() {
    // Minutes 0 to 60 healthy, 60 to 90 thirty per cent bad, then healthy again.
    assert_behaviour(
        &generated(EXAMPLE),
        r#"
  - interval: 1m
    input_series:
      - series: requests_total{slo="good"}
        values: 0+100x60 6070+70x29 8200+100x90
      - series: requests_total{slo="bad"}
        values: 0+0x60 30+30x29 900+0x90
    alert_rule_test:
      - {eval_time: 59m, alertname: PlimsollSloBudgetBurn, exp_alerts: []}
      - {eval_time: 59m, alertname: PlimsollSloNoData, exp_alerts: []}
      - {eval_time: 150m, alertname: PlimsollSloNoData, exp_alerts: []}
    promql_expr_test:
      - expr: count(ALERTS{alertname="PlimsollSloBudgetBurn",alertstate="firing",severity="page",long_window="1h"})
        eval_time: 66m
        exp_samples: [{value: 1}]
      # The fast page ends with its short window and the five minutes it is held.
      - expr: ALERTS{alertname="PlimsollSloBudgetBurn",alertstate="firing",long_window="1h"}
        eval_time: 102m
        exp_samples: []
      - expr: plimsoll_slo:burn_rate:5m
        eval_time: 59m
        exp_samples:
          - {labels: 'plimsoll_slo:burn_rate:5m{slo="checkout-availability",service="checkout"}', value: 0}
"#,
    );
}

#[test]
fn a_total_outage_whose_good_counter_was_never_born_pages() {
    assert_behaviour(
        &generated(EXAMPLE),
        r#"
  - interval: 1m
    input_series:
      - series: requests_total{slo="bad"}
        values: 0+100x60
    promql_expr_test:
      - expr: count(ALERTS{alertname="PlimsollSloBudgetBurn",alertstate="firing",severity="page"})
        eval_time: 20m
        exp_samples: [{value: 2}]
"#,
    );
}

#[test]
fn idle_time_leaves_no_nan_and_spends_nothing() {
    // Ten idle minutes, then traffic: the period's figures know no idle window.
    assert_behaviour(
        &generated(EXAMPLE),
        r#"
  - interval: 1m
    input_series:
      - series: requests_total{slo="good"}
        values: 0+0x10 0+100x110
      - series: requests_total{slo="bad"}
        values: 0+0x120
    promql_expr_test:
      - expr: plimsoll_slo:burn_rate:5m
        eval_time: 9m
        exp_samples: []
      - expr: plimsoll_slo:total:increase5m
        eval_time: 9m
        exp_samples:
          - {labels: 'plimsoll_slo:total:increase5m{slo="checkout-availability",service="checkout"}', value: 0}
      - expr: plimsoll_slo:budget_remaining:ratio
        eval_time: 120m
        exp_samples:
          - {labels: 'plimsoll_slo:budget_remaining:ratio{slo="checkout-availability",service="checkout"}', value: 1}
      # One NaN would make the sum NaN, which is above nothing.
      - expr: count(sum({__name__=~"plimsoll_slo:.*"}) > 0)
        eval_time: 120m
        exp_samples: [{value: 1}]
"#,
    );
}

#[test]
fn a_quiet_bad_hour_weighs_as_few_requests_as_it_had() {
    // Two hours at 1,000 a minute, all good; one at 10 a minute, half of it bad.
    // Counted: 300 bad of 120,600 is a burn of 2.49, of which the last five minutes
    // stand in fewer than five windows yet; averaged it would be 167.
    assert_behaviour(
        &generated(EXAMPLE),
        r#"
  - interval: 1m
    input_series:
      - series: requests_total{slo="good"}
        values: 0+1000x120 120005+5x59
      - series: requests_total{slo="bad"}
        values: 0+0x120 5+5x59
    promql_expr_test:
      - expr: count(plimsoll_slo:burn_rate:30d > 2.38 < 2.52)
        eval_time: 180m
        exp_samples: [{value: 1}]
"#,
    );
}

#[test]
fn missing_data_pages_after_ten_minutes() {
    assert_behaviour(
        &generated(EXAMPLE),
        r#"
  - interval: 1m
    input_series:
      - series: up{job="checkout"}
        values: 1+0x60
    promql_expr_test:
      - expr: count(ALERTS{alertname="PlimsollSloNoData",alertstate="firing",severity="page",slo="checkout-availability"})
        eval_time: 11m
        exp_samples: [{value: 1}]
      - expr: ALERTS{alertname="PlimsollSloNoData",alertstate="firing"}
        eval_time: 9m
        exp_samples: []
"#,
    );
}
