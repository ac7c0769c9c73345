//! A failure's code and blame stand in every signal, from one record.

use plimsoll::Plimsoll;
use plimsoll_testkit::otlp::attribute;
use plimsoll_testkit::signals::Receivers;

use super::app::router;
use super::{get, send};
use crate::support::serve;

#[tokio::test]
async fn code_and_blame_are_the_same_on_line_span_metric_and_event() {
    let receivers = Receivers::start().await;
    let builder = Plimsoll::builder("shop").env(Vec::new);
    let builder = builder.telemetry(|telemetry| receivers.receive(telemetry));
    let plimsoll = builder.build().unwrap();
    let signals = receivers.of(plimsoll.telemetry());
    let address = serve(router().layer(plimsoll.layer())).await;
    let rows = [
        ("/card", "SHOP-1001", "client", "INFO"),
        ("/store", "SHOP-2001", "dependency", "WARN"),
        ("/uncoded", "PLM-5000", "server", "ERROR"),
        ("/panic", "PLM-5001", "server", "ERROR"),
    ];
    for (path, ..) in rows {
        send(address, get(path)).await;
    }
    signals.receivers().lines.requests(rows.len()).await;
    let report = signals.shutdown().await;
    assert!(report.holds() && report.lost() == 0, "{report}");
    let page = signals.page();
    let lines = signals.receivers().lines.requests(rows.len()).await;
    for (line, (path, code, blame, level)) in lines.iter().zip(rows) {
        assert_eq!(
            (&line["code"], &line["blame"]),
            (&code.into(), &blame.into()),
            "{path}"
        );
        assert_eq!(line["level"], level, "{path}");
        let of_it = signals.of_trace(line["trace_id"].as_str().unwrap());
        let [span] = &of_it.spans[..] else {
            panic!("{path}: {} spans", of_it.spans.len());
        };
        assert_eq!(
            attribute(span, "plimsoll.error.code").as_deref(),
            Some(code),
            "{path}"
        );
        assert_eq!(
            attribute(span, "plimsoll.blame").as_deref(),
            Some(blame),
            "{path}"
        );
        let labels = [("error_code", code), ("blame", blame), ("http_route", path)];
        let counted = page.sum("plimsoll_requests_total", &labels);
        assert!((counted - 1.0).abs() < 0.1, "{path}: {counted}");
        if cfg!(feature = "sentry") && blame != "client" {
            let [event] = &of_it.events[..] else {
                panic!("{path}: {} events", of_it.events.len());
            };
            assert_eq!(event["tags"]["code"], code, "{path}");
            assert_eq!(event["tags"]["blame"], blame, "{path}");
            assert_eq!(event["fingerprint"][0], code, "{path}");
        } else {
            assert!(of_it.events.is_empty(), "{path}");
        }
    }
}
