//! Less critical requests leave room for the others.

use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use plimsoll::{Criticality, Mode, Overload, Part, Shares, Trigger};
use tokio::sync::watch;

use crate::support::{get, instance, metric, raw, serve, status, until};

fn overload() -> Overload {
    Overload::new()
        .route("/pay", Criticality::CriticalPlus)
        .route("/report", Criticality::Sheddable)
        .shares(Shares::new(0.5, 0.5, 1.0).unwrap())
}

#[tokio::test]
async fn a_sheddable_route_is_shed_while_a_critical_one_is_answered_and_every_signal_says_so() {
    let (plimsoll, lines) = instance(|builder| builder.concurrency(2).overload(overload()));
    let (open, closed) = watch::channel(false);
    let wait = move || {
        let mut closed = closed.clone();
        async move {
            let _ = closed.wait_for(|open| *open).await;
            "paid"
        }
    };
    let app = Router::new()
        .route("/pay", on_get(wait))
        .route("/report", on_get(|| async { "report" }))
        .layer(plimsoll.layer());
    let address = serve(app).await;
    let paying = tokio::spawn(async move { get(address, "/pay").await });
    until("a permit to be taken", || {
        let page = plimsoll.telemetry().render();
        (metric(&page, "plimsoll_concurrency_in_use", &[]) > 0.0).then_some(())
    })
    .await;

    let shed = get(address, "/report").await;
    assert_eq!(status(&shed), 503, "{shed}");
    assert!(
        shed.contains("PLM-3020") && shed.contains("retry-after: "),
        "{shed}"
    );
    plimsoll.rollout().set(Part::Concurrency, Mode::Observe);
    assert_eq!(status(&get(address, "/report").await), 200);
    open.send_replace(true);
    assert_eq!(status(&paying.await.unwrap()), 200);

    let page = plimsoll.telemetry().render();
    for mode in ["enforce", "observe"] {
        let mode = format!("mode=\"{mode}\"");
        let labels = ["reason=\"reserve\"", "criticality=\"sheddable\"", &mode];
        let count = metric(&page, "plimsoll_shed_total", &labels);
        assert!((count - 1.0).abs() < 0.1, "{mode} {page}");
    }
    let told: Vec<_> = lines.requests(3).await.into_iter().collect();
    let shed = told.iter().find(|line| line["code"] == "PLM-3020").unwrap();
    assert_eq!(
        (&shed["criticality"], &shed["blame"]),
        (&"sheddable".into(), &"capacity".into())
    );
    let paid = told.iter().find(|line| line["route"] == "/pay").unwrap();
    assert_eq!(paid["criticality"], "critical_plus");
}

#[tokio::test]
async fn a_callers_word_counts_only_where_the_peer_is_trusted() {
    for (trust, level) in [("", "critical"), ("loopback", "sheddable")] {
        let (plimsoll, lines) = instance(|builder| {
            let builder = builder.trust(trust.parse().unwrap());
            builder.overload(Overload::new().header("x-criticality"))
        });
        let app = Router::new().route("/", on_get(|| async {}));
        let address = serve(app.layer(plimsoll.layer())).await;
        let ask =
            "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-criticality: sheddable\r\n\r\n";
        assert_eq!(status(&raw(address, ask).await), 200);
        assert_eq!(lines.requests(1).await[0]["criticality"], level, "{trust}");
    }
}

#[tokio::test]
async fn a_trusted_caller_is_not_kept_beyond_its_deadline_and_then_refused_at_once() {
    let (plimsoll, lines) = instance(|builder| {
        let builder = builder.trust("loopback".parse().unwrap());
        builder.overload(Overload::new().deadline_header("x-request-timeout-ms"))
    });
    let app = Router::new().route("/", on_get(std::future::pending::<()>));
    let address = serve(app.layer(plimsoll.layer())).await;
    for (millis, answered) in [("80", 504), ("40", 503)] {
        let ask = format!(
            "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-request-timeout-ms: {millis}\r\n\r\n"
        );
        let answer = raw(address, &ask).await;
        assert_eq!(status(&answer), answered, "{answer}");
    }
    let page = plimsoll.telemetry().render();
    let labels = ["reason=\"deadline\"", "criticality=\"critical\""];
    let shed = metric(&page, "plimsoll_shed_total", &labels);
    assert!((shed - 1.0).abs() < 0.1, "{page}");
    let told = lines.requests(2).await;
    let shed = told.iter().find(|line| line["status"] == 503).unwrap();
    assert_eq!(shed["blame"], "capacity", "{shed}");
}

/// Work that comes back at once, each time for 40 ms.
async fn busy() {
    loop {
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(40) {
            std::hint::spin_loop();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_runtime_that_does_not_keep_up_sheds_what_matters_least_and_warns() {
    let trigger = Trigger::new(0.02, 0.03).unwrap();
    let (plimsoll, _) = instance(|builder| builder.overload(overload().delay(trigger)));
    let app = Router::new()
        .route("/pay", on_get(|| async { "paid" }))
        .route("/report", on_get(|| async { "report" }));
    let address = serve(app.layer(plimsoll.layer())).await;
    let watching = tokio::spawn(plimsoll.watch().run());
    let busy = tokio::spawn(busy());
    let of_page = |name, label| metric(&plimsoll.telemetry().render(), name, &[label]);
    let pressed = || of_page("plimsoll_pressure", "resource=\"runtime\"") > 0.99;
    until("pressure", || pressed().then_some(())).await;

    assert_eq!(status(&get(address, "/report").await), 503);
    assert_eq!(status(&get(address, "/pay").await), 200);
    let shed = of_page("plimsoll_shed_total", "reason=\"runtime\"");
    assert!((shed - 1.0).abs() < 0.1, "{shed}");
    let check = "check=\"plimsoll.pressure\"";
    let warned = of_page("plimsoll_health_check_status", check);
    assert!((warned - 0.5).abs() < 0.01, "{warned}");

    busy.abort();
    let ease = || of_page("plimsoll_health_check_status", check) > 0.99;
    until("ease", || ease().then_some(())).await;
    assert_eq!(status(&get(address, "/report").await), 200);
    watching.abort();
}
