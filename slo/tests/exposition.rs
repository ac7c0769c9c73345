//! Metrics pages, good and bad.

use plimsoll_slo::Exposition;
use proptest::prelude::*;

#[test]
fn the_text_format_is_read_with_its_escapes_timestamps_and_special_values() {
    let page = concat!(
        "# HELP http_requests_total The \\\\ total.\n",
        "# TYPE http_requests_total counter\n",
        "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n",
        "http_requests_total{method=\"post\",code=\"400\",}    3 1395066363000\n",
        "\n",
        "msdos{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot \\\"open\\\":\\nFILE\"} 1.458255915e9\n",
        "metric_without_timestamp_and_labels 12.47\n",
        "something_weird{problem=\"division by zero\"} +Inf -3982045\n",
        "nothing NaN\n",
        "a:recorded:rule{ spaced = \"yes\" , other = \"\" } 4\n",
    );
    let read = Exposition::parse(page).unwrap();
    assert_eq!(read.len(), 7);
    let (labels, value) = read.series("msdos").next().unwrap();
    assert_eq!(labels["path"], "C:\\DIR\\FILE.TXT");
    assert_eq!(labels["error"], "Cannot \"open\":\nFILE");
    assert!((value - 1.458_255_915e9).abs() < 1.0);
    let weird = read.series("something_weird").next().unwrap().1;
    assert!(weird.is_infinite() && weird > 0.0);
    assert!(read.series("nothing").next().unwrap().1.is_nan());
    assert_eq!(read.series("a:recorded:rule").next().unwrap().0.len(), 2);
}

#[test]
fn what_openmetrics_adds_is_tolerated() {
    let page = concat!(
        "# TYPE foo histogram\n",
        "foo_bucket{le=\"0.25\"} 8 # {trace_id=\"KOO5S4vxi0o\"} 0.067\n",
        "foo_bucket{le=\"+Inf\"} 17 1520879607.789 # {trace_id=\"o\"} 9.8 1520879607.789\n",
        "foo_created 1520430000.123\n",
        "# EOF\n",
    );
    let read = Exposition::parse(page).unwrap();
    assert_eq!(read.series("foo_bucket").count(), 2);
    assert_eq!(read.series("foo_created").count(), 1);
}

#[test]
fn a_broken_line_is_an_error_with_its_number() {
    for (line, what) in [
        ("<html>", "does not begin with a metric name"),
        ("9lives 1", "does not begin with a metric name"),
        ("hits", "the value is missing"),
        ("hits many", "`many` is not a number"),
        ("hits{code=200} 1", "not a quoted string"),
        ("hits{code=\"200} 1", "not a quoted string"),
        ("hits{code \"200\"} 1", "no = after label code"),
        ("hits{a=\"1\" b=\"2\"} 1", "no , or } after label a"),
        ("hits{a=\"1\",a=\"2\"} 1", "label a stands there twice"),
        ("hits 1 soon", "`soon` is not a timestamp"),
        ("hits 1 2 3", "`3` after the timestamp"),
        ("up 2", "the same series stands there twice"),
    ] {
        let error = Exposition::parse(&format!("up 1\n{line}\n")).unwrap_err();
        assert_eq!(error.line, 2, "{line}");
        assert!(error.what.contains(what), "{line}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = Exposition::parse(&text);
    }

    #[test]
    fn nothing_like_a_page_makes_the_parser_panic(text in "[a-z0-9_{}=\",\\\\ #\n]{0,120}") {
        let _ = Exposition::parse(&text);
    }

    #[test]
    fn every_label_value_survives_writing_and_reading(value in "\\PC{0,20}", n in 0..1_000_000_u32) {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        let read = Exposition::parse(&format!("m{{l=\"{escaped}\"}} {n}")).unwrap();
        let (labels, number) = read.series("m").next().unwrap();
        prop_assert_eq!(&labels["l"], &value);
        prop_assert!((number - f64::from(n)).abs() < f64::EPSILON);
    }
}
