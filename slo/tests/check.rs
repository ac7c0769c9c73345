//! Two scrapes against the objectives: never a pass without evidence.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use plimsoll_slo::{
    EXAMPLE, Evidence, Exposition, Objective, Query, Report, SloFile, Source, Verdict, check,
    evaluate::{Interval, NoEvidence},
    judge, read,
};
use proptest::prelude::*;

fn file(target: &str) -> SloFile {
    let text = EXAMPLE.replace("target: 0.999", &format!("target: {target}"));
    read(&[Source {
        name: "slo.yaml".to_owned(),
        text,
    }])
    .unwrap()
}

fn objective(target: &str) -> Objective {
    file(target).objectives.remove(0)
}

fn page(text: &str) -> Exposition {
    Exposition::parse(text).unwrap()
}

fn counts(good: u32, bad: u32) -> Exposition {
    page(&format!(
        "process_start_time_seconds 1\nrequests_total{{slo=\"good\"}} {good}\nrequests_total{{slo=\"bad\"}} {bad}\n"
    ))
}

fn checked(before: &Exposition, after: &Exposition) -> Report {
    check::between(&file("0.99"), before, after)
}

fn why(report: &Report) -> &str {
    match &report.verdict {
        Verdict::Invalid { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn good_and_bad_runs_are_told_apart() {
    assert_eq!(checked(&counts(5, 5), &counts(305, 5)).exit_code(), 0);
    assert_eq!(checked(&counts(5, 5), &counts(302, 8)).exit_code(), 0);
    assert_eq!(checked(&counts(5, 5), &counts(301, 9)).exit_code(), 1);
    assert_eq!(checked(&counts(5, 5), &counts(304, 5)).exit_code(), 3);
}

#[test]
fn a_series_born_between_the_scrapes_counts_from_zero() {
    let before = page("process_start_time_seconds 1\nrequests_total{slo=\"good\"} 0\n");
    let report = checked(&before, &counts(100, 300));
    assert_eq!(report.rows[0].total, Some(400.0));
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn a_birth_without_a_known_process_start_is_invalid() {
    let before = page("requests_total{slo=\"good\"} 0\n");
    let after = page("requests_total{slo=\"good\"} 400\nrequests_total{slo=\"bad\"} 0\n");
    let report = checked(&before, &after);
    assert!(
        why(&report).contains("process_start_time_seconds"),
        "{report:?}"
    );
}

#[test]
fn a_restart_is_invalid_by_process_start_or_by_a_falling_counter() {
    let later = page(
        "process_start_time_seconds 2\nrequests_total{slo=\"good\"} 900\nrequests_total{slo=\"bad\"} 0\n",
    );
    assert!(why(&checked(&counts(0, 0), &later)).starts_with("restarted"));
    let report = checked(&counts(500, 7), &counts(900, 6));
    assert_eq!(
        why(&report),
        "restarted: requests_total{slo=\"bad\"} went down from 7 to 6; measure again without a restart"
    );
    assert_eq!(report.exit_code(), 4);
}

#[test]
fn a_name_that_matches_nothing_is_invalid_and_never_a_pass() {
    let other = page("process_start_time_seconds 1\nrequest_total{slo=\"good\"} 900\n");
    let report = checked(&other, &other);
    assert!(
        why(&report).starts_with("no data: no series matches requests_total{slo"),
        "{report:?}"
    );
    assert_eq!(report.exit_code(), 4);
    // The bad half alone is a typo in the good query, not an outage and not a pass.
    let half = page("process_start_time_seconds 1\nrequests_total{slo=\"bad\"} 900\n");
    assert!(why(&checked(&half, &half)).contains("slo=\"good\""));
}

#[test]
fn a_series_that_disappears_takes_the_evidence_with_it() {
    let after = page("process_start_time_seconds 1\nrequests_total{slo=\"good\"} 900\n");
    assert!(why(&checked(&counts(1, 1), &after)).contains("disappeared"));
}

#[test]
fn an_idle_service_is_inconclusive_and_says_how_much_is_missing() {
    let report = checked(&counts(9, 9), &counts(9, 9));
    assert_eq!(report.verdict, Verdict::Inconclusive { needed: 300 });
    assert!(report.table().contains("300 more requests are needed"));
    assert_eq!(report.rows[0].ratio, None);
}

#[test]
fn the_report_is_as_bad_as_its_worst_row() {
    let row = |good, total| check::Row::judged(&objective("0.99"), &Evidence { good, total });
    let no_data = NoEvidence::NoSeries {
        selector: "a".to_owned(),
    };
    let unknown = check::Row::unknown(&objective("0.99"), &no_data);
    let pass = || row(300.0, 300.0);
    let fail = || row(0.0, 300.0);
    let thin = |n| row(n, n);
    for (rows, code) in [
        (vec![pass(), pass()], 0),
        (vec![pass(), thin(3.0)], 3),
        (vec![fail(), thin(3.0), pass()], 1),
        (vec![fail(), unknown], 4),
        (vec![], 4),
    ] {
        assert_eq!(Report::new(rows).exit_code(), code);
    }
    let report = Report::new(vec![thin(200.0), thin(3.0), thin(100.0)]);
    assert_eq!(report.verdict, Verdict::Inconclusive { needed: 297 });
}

#[test]
fn the_json_form_is_flat_and_has_a_version() {
    let report = serde_json::to_value(checked(&counts(0, 0), &counts(99, 1))).unwrap();
    assert_eq!(
        report,
        serde_json::json!({
            "schema": 1,
            "verdict": "INCONCLUSIVE",
            "needed": 200,
            "rows": [{
                "objective": "checkout-availability",
                "service": "checkout",
                "class": null,
                "target": "0.99",
                "good": 99.0,
                "total": 100.0,
                "ratio": 0.99,
                "burn_rate": report["rows"][0]["burn_rate"],
                "verdict": "INCONCLUSIVE",
                "needed": 200,
            }],
        })
    );
}

#[test]
fn queries_add_subtract_multiply_divide_and_fill() {
    let before =
        page("process_start_time_seconds 1\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\nb_total 0\n");
    let after =
        page("process_start_time_seconds 1\na_total{x=\"1\"} 4\na_total{x=\"2\"} 6\nb_total 2\n");
    let interval = Interval::between(&before, &after).unwrap();
    for (query, expected) in [
        ("sum(a_total)", 8.0),
        ("sum(a_total{x=\"1\"})", 3.0),
        ("sum(a_total{x!=\"1\"})", 5.0),
        ("sum(a_total{x=~\"1|2\"})", 8.0),
        ("sum(a_total{x!~\"1|2\"} or vector(0))", f64::NAN),
        ("sum(a_total{x!~\"1|2\"}) or vector(0)", 0.0),
        ("sum(a_total{y=\"\"})", 8.0),
        ("sum(rate(a_total[5m]))", 8.0),
        ("sum(increase(a_total{x=\"2\"}[1h]))", 5.0),
        ("(sum(a_total) - sum(b_total)) * 2 / 4", 3.0),
        ("sum(a_total) - sum(b_total) * 2", 4.0),
    ] {
        match Query::parse(query) {
            Ok(query) => assert_eq!(interval.increase(&query), Ok(expected), "{query:?}"),
            Err(_) => assert!(expected.is_nan(), "{query}"),
        }
    }
}

#[test]
fn what_is_no_count_is_invalid() {
    let objective = objective("0.99");
    for (good, total) in [
        (f64::NAN, 1.0),
        (1.0, f64::INFINITY),
        (-1.0, 1.0),
        (2.0, 1.0),
        (0.0, f64::NAN),
        (1.0, 1e300),
    ] {
        let verdict = judge(&objective, &Evidence { good, total });
        assert!(
            matches!(verdict, Verdict::Invalid { .. }),
            "{good} of {total}: {verdict:?}"
        );
    }
}

#[test]
fn the_exact_test_agrees_with_binomial_tables() {
    // P(K >= k) for Binomial(n, 0.05): n = 20: k = 3: 0.0755, k = 4: 0.0159.
    let objective = objective("0.95");
    let judge = |bad| {
        judge(
            &objective,
            &Evidence {
                good: 20.0 - bad,
                total: 20.0,
            },
        )
    };
    assert_eq!(judge(3.0), Verdict::Inconclusive { needed: 40 });
    assert_eq!(judge(4.0), Verdict::Fail);
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Inconclusive { .. } => 1,
        Verdict::Pass => 2,
        Verdict::Invalid { .. } => panic!("{verdict:?}"),
    }
}

proptest! {
    #[test]
    fn one_more_good_event_among_as_many_never_makes_it_worse(
        nines in 1..6_u32, total in 1..100_000_u32, good in 0..100_000_u32,
    ) {
        let objective = objective(&format!("0.{}", "9".repeat(nines as usize)));
        let good = good.min(total - 1);
        let judge = |good: u32| judge(&objective, &Evidence { good: f64::from(good), total: f64::from(total) });
        prop_assert!(rank(&judge(good)) <= rank(&judge(good + 1)));
    }

    #[test]
    fn a_pass_needs_enough_and_the_needed_rest_would_give_it(total in 0..400_u32) {
        let objective = objective("0.99");
        let clean = |n: u64| judge(&objective, &Evidence { good: n as f64, total: n as f64 });
        match clean(u64::from(total)) {
            Verdict::Inconclusive { needed } => {
                prop_assert_eq!(clean(u64::from(total) + needed), Verdict::Pass);
                prop_assert_ne!(clean(u64::from(total) + needed - 1), Verdict::Pass);
            }
            verdict => prop_assert_eq!(verdict, Verdict::Pass),
        }
    }
}
