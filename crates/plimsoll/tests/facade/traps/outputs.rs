use std::fs::File;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as on_get;
use plimsoll_testkit::sentry::Behaviour;

use super::watched;
use crate::support::{get, serve, status};

#[tokio::test]
async fn a_full_disk_under_the_log_costs_lines_and_no_answer() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (plimsoll, signals) =
        watched(|builder| builder.telemetry(|telemetry| telemetry.log_output(full))).await;
    let app = Router::new().route("/", on_get(async || "ok"));
    let address = serve(app.layer(plimsoll.layer())).await;
    for _ in 0..20 {
        assert_eq!(status(&get(address, "/").await), 200);
    }
    let report = signals.shutdown().await;
    assert!(report.holds(), "{report}");
    let mut all = report.signals.iter();
    let logs = all.find(|(signal, _)| *signal == "logs").unwrap().1;
    // The closing line too.
    assert_eq!((logs.produced, logs.delivered), (21, 0), "{report}");
    let labels = [("signal", "logs"), ("reason", "write_failed")];
    let lost = signals
        .page()
        .sum("plimsoll_telemetry_dropped_total", &labels);
    assert_eq!(lost as u64, 21);
    assert_eq!(signals.spans().len(), 20, "the others go on");
}

#[tokio::test]
async fn sentry_down_in_any_way_costs_no_answer_and_no_shutdown() {
    for behaviour in [
        Behaviour::Dead,
        Behaviour::Failing,
        Behaviour::Answering(429, Some(60)),
        Behaviour::Hanging,
    ] {
        let (plimsoll, signals) = watched(|builder| builder).await;
        signals.receivers().sentry.turn(behaviour).await;
        let app = Router::new().route("/", on_get(async || -> () { panic!("each time") }));
        let address = serve(app.layer(plimsoll.layer())).await;
        for _ in 0..50 {
            assert_eq!(status(&get(address, "/").await), 500);
        }
        let begin = Instant::now();
        let report = signals.shutdown_within(Duration::from_secs(2)).await;
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(4), "{behaviour:?} {took:?}");
        assert!(report.holds(), "{behaviour:?} {report}");
        assert_eq!(signals.events().len(), 0, "{behaviour:?}");
        assert_eq!(signals.spans().len(), 50, "{behaviour:?}: the others go on");
    }
}
