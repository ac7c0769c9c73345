//! `cost`: a page as a service has it, read once or twice.

use crate::common::{code, err, out, run, serve};

fn page(start: u32, requests: u32, logs: u32, spans: u32) -> String {
    format!(
        "process_start_time_seconds {start}\n\
         plimsoll_requests_total{{slo=\"good\"}} {requests}\nplimsoll_requests_total{{slo=\"bad\"}} 0\n\
         plimsoll_telemetry_bytes_total{{signal=\"logs\"}} {logs}\n\
         plimsoll_telemetry_bytes_total{{signal=\"traces\"}} {spans}\n\
         plimsoll_metrics_series 40\nplimsoll_metrics_series_limit 10000\n"
    )
}

#[test]
fn bytes_are_told_for_a_million_requests() {
    let url = serve(vec![page(7, 1_000, 365_000, 20_000)]);
    let output = run(&["cost", "--metrics", &url]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(
        out(&output),
        "1000 requests since the start\n\
         series  7 on the page; 40 of a budget of 10000, 0 folded\n\
         logs    365.0 MB per million requests (365 B each)\n\
         traces  20.0 MB per million requests (20 B each)\n"
    );
}

#[test]
fn an_interval_counts_what_is_between() {
    let pages = vec![page(7, 1_000, 365_000, 0), page(7, 1_100, 405_000, 500)];
    let arguments = ["cost", "--interval", "20ms", "--format", "json"];
    let url = serve(pages);
    let output = run(&[&arguments[..], &["--metrics", &url]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let told: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(told["requests"], 100.0);
    let bytes = &told["bytes_per_million_requests"];
    assert_eq!(
        (&bytes["logs"], &bytes["traces"]),
        (&400_000_000.0.into(), &5_000_000.0.into())
    );
}

#[test]
fn without_requests_or_after_a_restart_nothing_is_told() {
    for (pages, expected, word) in [
        (vec![page(7, 5, 1, 1), page(7, 5, 1, 1)], 3, "INCONCLUSIVE"),
        (vec![page(7, 5, 1, 1), page(8, 9, 1, 1)], 4, "INVALID"),
        (
            vec!["up 1\n".to_owned()],
            2,
            "plimsoll_telemetry_bytes_total",
        ),
    ] {
        let url = serve(pages);
        let output = run(&["cost", "--metrics", &url, "--interval", "20ms"]);
        assert_eq!((code(&output), out(&output).as_str()), (expected, ""));
        assert!(err(&output).contains(word), "{}", err(&output));
    }
}
