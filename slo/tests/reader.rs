//! Reading SLO files: the card service's own, and every way to get one wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use plimsoll_slo::{EXAMPLE, Faults, Sli, SloFile, Source, load, read};

fn source(name: &str, text: impl Into<String>) -> Source {
    Source {
        name: name.to_owned(),
        text: text.into(),
    }
}

fn read_one(text: impl Into<String>) -> Result<SloFile, Faults> {
    read(&[source("slo.yaml", text)])
}

/// Faults of the example with one text put for another.
fn faults_with(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "the example has no {old:?}");
    read_one(EXAMPLE.replace(old, new)).unwrap_err().to_string()
}

fn card_service() -> SloFile {
    load(&[concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/specs/card-service.yaml"
    )])
    .unwrap()
}

#[test]
fn the_card_service_has_two_objectives_for_each_of_three_classes() {
    let file = card_service();
    let rows: Vec<String> = file
        .objectives
        .iter()
        .map(|o| {
            format!(
                "{} {} {} {}",
                o.name,
                o.class.as_deref().unwrap(),
                o.target,
                o.period
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "overview-availability overview 0.99 30d",
            "overview-latency overview 0.95 30d",
            "read-availability read 0.99 30d",
            "read-latency read 0.95 30d",
            "write-availability write 0.99 30d",
            "write-latency write 0.95 30d",
        ]
    );
}

#[test]
fn route_templates_match_their_own_text_and_nothing_else() {
    let file = card_service();
    let read_class = file
        .objectives
        .iter()
        .find(|o| o.name == "read-latency")
        .unwrap();
    let Sli::Ratio { good, .. } = &read_class.sli else {
        panic!("a ratio")
    };
    let expr = good.expr();
    let selector = expr.selectors()[0];
    let labels = |route: &str| {
        [
            ("http_request_method", "GET"),
            ("http_route", route),
            ("le", "0.25"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    };
    assert!(selector.selects(&labels("/v1/cards/{id}")));
    assert!(selector.selects(&labels("/v1/accounts/{id}/cards")));
    assert!(!selector.selects(&labels("/v1/accounts/{id}/overview")));
    assert!(!selector.selects(&labels("/v1/cards/{id}/activation")));
    assert!(!selector.selects(&labels("x/v1/cards/{id}")));
}

#[test]
fn every_latency_threshold_is_a_bound_of_the_histogram() {
    let mut found = 0;
    for objective in card_service().objectives {
        let Sli::Ratio { good, .. } = &objective.sli else {
            panic!("a ratio")
        };
        if let Some((_, rest)) = good.text().split_once("le=\"") {
            let bound: f64 = rest.split('"').next().unwrap().parse().unwrap();
            assert!(
                plimsoll_core::names::SECONDS_BUCKETS.contains(&bound),
                "{bound}"
            );
            found += 1;
        }
    }
    assert_eq!(found, 3);
}

#[test]
fn all_faults_are_listed_at_once_with_their_places() {
    let text = EXAMPLE
        .replace("service: checkout", "servise: checkout")
        .replace("counter: true", "counter: perhaps")
        .replace(
            "sum(requests_total{slo=\"good\"})",
            "sum(requests_total{slo=",
        )
        .replace("duration: 30d", "duration: 1M")
        .replace("target: 0.999", "target: 1");
    let faults = read_one(text).unwrap_err();
    let text = faults.to_string();
    assert_eq!(faults.len(), 6, "{text}");
    for expected in [
        "slo.yaml:6:3: SLO spec lacks `service`",
        "slo.yaml:6:3: SLO spec has an unknown field `servise`; remove it, or use one of:",
        "slo.yaml:12:18: `counter` is `perhaps`",
        "slo.yaml:17:22: not valid PromQL",
        "slo.yaml:24:17: duration `1M` is not 7 to 366 whole days",
        "slo.yaml:28:15: target 1 is not strictly between 0 and 1",
    ] {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
}

#[test]
fn targets_must_be_exact_and_strictly_between_nothing_and_all() {
    for bad in ["0", "1", "-0.5", "99.9", "much", "0.99999999999", "[0.9]"] {
        let faults = faults_with("target: 0.999", &format!("target: {bad}"));
        assert!(faults.contains("slo.yaml:28:15"), "{bad}: {faults}");
    }
    let percent = EXAMPLE.replace("target: 0.999", "targetPercent: 99.95");
    assert_eq!(
        read_one(percent).unwrap().objectives[0].target.to_string(),
        "0.9995"
    );
    let both = faults_with(
        "- target: 0.999",
        "- target: 0.999\n      targetPercent: 99.9",
    );
    assert!(both.contains("both `target` and `targetPercent`"), "{both}");
}

#[test]
fn duplicate_keys_and_duplicate_names_are_faults() {
    let twice = faults_with(
        "  service: checkout",
        "  service: checkout\n  service: other",
    );
    assert!(
        twice.contains("slo.yaml:7:3: `service` is given twice, first on line 6"),
        "{twice}"
    );
    let both = read(&[source("a.yaml", EXAMPLE), source("b.yaml", EXAMPLE)]).unwrap_err();
    assert!(
        both.to_string().starts_with(
            "b.yaml:4:9: the SLO `checkout-availability` is defined twice, first at a.yaml:4;"
        ),
        "{both}"
    );
}

#[test]
fn unsupported_promql_is_refused_by_name() {
    let good = "sum(requests_total{slo=\"good\"})";
    for (query, named) in [
        ("avg(requests_total)", "avg"),
        (
            "histogram_quantile(0.9, sum(requests_bucket))",
            "histogram_quantile",
        ),
        ("sum by (code) (requests_total)", "sum by"),
        ("requests_total", "a counter outside sum"),
        ("sum(requests_total offset 5m)", "offset"),
        ("sum(requests_total) > 3", "operator >"),
        ("sum(requests_total) or sum(other_total)", "or"),
        ("sum(max_over_time(requests_total[5m]))", "max_over_time"),
        ("17 + 4", "names no counter"),
    ] {
        let faults = faults_with(good, query);
        assert!(
            faults.contains("not supported in an SLI"),
            "{query}: {faults}"
        );
        assert!(faults.contains(named), "{query}: {faults}");
    }
}

#[test]
fn an_indicator_may_be_a_document_of_another_source() {
    let start = EXAMPLE.find("  indicator:").unwrap();
    let end = EXAMPLE.find("  timeWindow:").unwrap();
    let slo = format!(
        "{}  indicatorRef: answered\n{}",
        &EXAMPLE[..start],
        &EXAMPLE[end..]
    );
    let sli = "apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: answered}\nspec:\n  ratioMetric:\n    counter: true\n    \
               bad: {metricSource: {type: Prometheus, spec: {query: sum(bad_total)}}}\n    \
               total: {metricSource: {type: Prometheus, spec: {query: sum(all_total)}}}\n";
    let missing = read_one(slo.clone()).unwrap_err().to_string();
    assert!(
        missing.contains("indicatorRef `answered` names no SLI"),
        "{missing}"
    );

    let file = read(&[source("slo.yaml", slo), source("sli.yaml", sli)]).unwrap();
    let Sli::Ratio { good, .. } = &file.objectives[0].sli else {
        panic!("a ratio")
    };
    assert_eq!(good.text(), "(sum(all_total)) - (sum(bad_total))");
    assert_eq!(
        good.over("1h"),
        "sum(increase(all_total[1h])) - sum(increase(bad_total[1h]))"
    );
}

#[test]
fn other_kinds_and_features_are_refused_with_what_to_do() {
    for (old, new, expected) in [
        (
            "kind: SLO",
            "kind: AlertPolicy",
            "kind `AlertPolicy` is not supported; remove it",
        ),
        (
            "openslo/v1",
            "openslo/v1alpha",
            "apiVersion `openslo/v1alpha` is not supported; write `openslo/v1`",
        ),
        (
            "Occurrences",
            "Timeslices",
            "budgetingMethod `Timeslices` is not supported",
        ),
        (
            "isRolling: true",
            "isRolling: false",
            "calendar windows are not supported",
        ),
        (
            "- target: 0.999",
            "- target: 0.999\n    - target: 0.9",
            "objectives must have exactly one item",
        ),
        (
            "- target: 0.999",
            "- target: 0.999\n      op: lte",
            "`op` is not supported",
        ),
        (
            "name: checkout-availability",
            "name: Checkout Availability",
            "is not a DNS label",
        ),
        ("kind: SLO", "kind: *anchor", "not valid YAML"),
        ("kind: SLO", "kind: !!str SLO", "YAML tags are not read"),
        (
            "spec:\n  service",
            "annotations: {}\nspec:\n  service",
            "unknown field `annotations`",
        ),
        (
            "name: checkout-availability",
            "name: checkout-availability\n  annotations: {plimsoll.dev/runbook: /books/1}",
            "runbook `/books/1` is not an absolute address",
        ),
        (
            "name: checkout-availability",
            "name: checkout-availability\n  annotations: {plimsoll.dev/klass: a}",
            "unknown annotation `plimsoll.dev/klass`",
        ),
    ] {
        let faults = faults_with(old, new);
        assert!(faults.contains(expected), "{expected}\n---\n{faults}");
    }
}

#[test]
fn an_empty_input_and_an_unreadable_file_are_faults() {
    assert!(
        read_one("")
            .unwrap_err()
            .to_string()
            .contains("no SLO in the input")
    );
    assert!(
        read_one("# nothing\n---\n")
            .unwrap_err()
            .to_string()
            .contains("no SLO in the input")
    );
    let missing = load(&["no/such/file.yaml"]).unwrap_err().to_string();
    assert!(
        missing.starts_with("no/such/file.yaml: cannot be read:"),
        "{missing}"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z:\\-{}\\[\\]\"'|>&*!#% \n]{0,200}", at in 0..600_usize) {
        let _ = read_one(text.clone());
        let at = (0..=at.min(EXAMPLE.len())).rev().find(|at| EXAMPLE.is_char_boundary(*at)).unwrap();
        let _ = read_one(format!("{}{text}{}", &EXAMPLE[..at], &EXAMPLE[at..]));
    }
}
