//! A storm of one failure: a line for each request, its cause on a few of them.

use plimsoll::Clock;
use serde_json::Value;

use super::app::router;
use super::{get, send, service};
use crate::support::{metric, serve};

fn told(lines: &[Value]) -> Vec<&str> {
    let causes = lines.iter().map(|line| line["cause"].as_str().unwrap());
    causes
        .filter(|cause| !cause.starts_with("[suppressed: "))
        .collect()
}

#[tokio::test]
async fn a_storm_of_one_code_has_every_line_and_ten_causes_a_second() {
    let (clock, hand) = Clock::manual();
    let (plimsoll, lines) = service(|builder| builder.clock(clock));
    let address = serve(router().layer(plimsoll.layer())).await;
    for _ in 0..40 {
        send(address, get("/uncoded")).await;
    }
    let of_storm = lines.requests(40).await;
    assert_eq!(told(&of_storm).len(), 10);
    assert!(
        of_storm
            .iter()
            .all(|line| line["code"] == "PLM-5000" && line["ref"].is_string())
    );

    let page = plimsoll.telemetry().render();
    let left = metric(&page, "plimsoll_log_causes_suppressed_total", &["PLM-5000"]);
    assert!((left - 30.0).abs() < 0.1, "{left}");

    // Another code has causes of its own.
    send(address, get("/store")).await;
    let line = lines.requests(41).await.pop().unwrap();
    assert!(
        line["cause"]
            .as_str()
            .unwrap()
            .starts_with("while reading a card: "),
        "{line}"
    );

    hand.advance(std::time::Duration::from_secs(1));
    send(address, get("/uncoded")).await;
    let line = lines.requests(42).await.pop().unwrap();
    assert!(
        line["cause"]
            .as_str()
            .unwrap()
            .starts_with("[suppressed 30 of this code] "),
        "{line}"
    );
}
