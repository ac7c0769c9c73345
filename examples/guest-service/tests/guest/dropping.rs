//! Any one part of Plimsoll is dropped by one line.

use std::time::Duration;

use axum::Router;
use futures_util::future::join;
use guest_service::{after, before};
use plimsoll::Ownership::{Join, Off};
use plimsoll::{Builder, Key, Limit, Mode, Ownership, Part, Plimsoll, Quota};

use crate::recording::{Answer, Recording, Tracer, ask, get, record};

/// The guest with everything at work.
fn whole() -> Builder {
    Plimsoll::builder("orders")
        .env(Vec::new)
        .signals(Join)
        .limit(Limit::by(|_| Some(Key::Number(1))).quota(Quota::per_minute(1).burst(2)))
        .concurrency(1)
        .timeout(Duration::from_secs(10))
}

fn run<T>(plimsoll: &Plimsoll, ask: impl AsyncFnOnce(Router) -> T) -> Recording<T> {
    let app = |host| after::app(host, plimsoll.clone());
    record(Tracer::Global, app, ask)
}

/// Part of Plimsoll at work: what `asked` gets. Dropped: what the service without
/// Plimsoll answers.
fn dropped(
    part: Part,
    at_work: u16,
    prepare: fn(&Plimsoll),
    asked: impl AsyncFn(Router) -> Answer,
) {
    let alone = record(Tracer::Global, before::app, &asked).answers;

    let plimsoll = whole().build().unwrap();
    prepare(&plimsoll);
    let whole_answer = run(&plimsoll, &asked).answers;
    assert_eq!(whole_answer.status.as_u16(), at_work, "{part:?}");
    assert_ne!(whole_answer.body, alone.body, "{part:?}");

    let plimsoll = whole().mode(part, Mode::Off).build().unwrap();
    prepare(&plimsoll);
    let answer = run(&plimsoll, &asked).answers;
    assert_eq!(answer.status, alone.status, "{part:?}");
    assert_eq!(answer.body, alone.body, "{part:?}");
}

#[test]
fn the_rate_limit() {
    dropped(
        Part::Limit,
        429,
        |_| {},
        async |app| {
            ask(&app, get("/orders/1")).await;
            ask(&app, get("/orders/1")).await;
            ask(&app, get("/orders/1")).await
        },
    );
}

#[test]
fn the_concurrency_limit() {
    dropped(
        Part::Concurrency,
        503,
        |_| {},
        async |app| {
            let waits = ask(&app, get("/orders/1/changes"));
            join(waits, ask(&app, get("/orders/2"))).await.1
        },
    );
}

#[test]
fn the_timeout() {
    // The service itself answers 204 after half a minute.
    let asked = async |app: Router| ask(&app, get("/orders/1/changes")).await;
    dropped(Part::Timeout, 504, |_| {}, asked);
}

#[test]
fn the_shape_of_what_axum_refuses() {
    let asked = async |app: Router| ask(&app, get("/orders?first=one")).await;
    dropped(Part::Shape, 400, |_| {}, asked);
}

#[test]
fn what_draining_does() {
    let over = |plimsoll: &Plimsoll| plimsoll.drain().begin(Duration::ZERO);
    let asked = async |app: Router| ask(&app, get("/orders/1")).await;
    dropped(Part::Drain, 503, over, asked);
}

/// Lines, series and spans of ours after one request.
fn signals(plimsoll: &Plimsoll) -> [bool; 3] {
    let run = run(plimsoll, async |app: Router| {
        ask(&app, get("/orders/1")).await;
        ask(&app, get("/metrics")).await.body
    });
    let page = String::from_utf8(run.answers.to_vec()).unwrap();
    let ours = |scope: &str| scope == "plimsoll";
    [
        run.lines
            .iter()
            .any(|line| line["target"] == "plimsoll::access"),
        page.contains("plimsoll_requests_total"),
        run.spans
            .iter()
            .any(|span| ours(span.instrumentation_scope.name())),
    ]
}

#[test]
fn the_signals() {
    assert_eq!(signals(&whole().build().unwrap()), [true, true, true]);
    let without_logs = whole().logs(Off).build().unwrap();
    assert_eq!(signals(&without_logs), [false, true, true]);
    let without_metrics = whole().metrics(Off).build().unwrap();
    assert_eq!(signals(&without_metrics), [true, false, true]);
    let without_traces = whole().traces(Off).build().unwrap();
    assert_eq!(signals(&without_traces), [true, true, false]);
}

#[test]
fn sentry() {
    // An address that is none is told, unless nobody is to ask for it.
    let told = |of: Ownership| {
        let builder = whole().telemetry(|telemetry| telemetry.sentry_dsn("no address"));
        let plimsoll = builder.sentry(of).build().unwrap();
        plimsoll.telemetry().warnings().len()
    };
    assert_eq!((told(Ownership::Own), told(Off)), (1, 0));
}

#[test]
fn all_parts_at_once() {
    let plimsoll = whole().mode_of_all(Mode::Off).build().unwrap();
    plimsoll.drain().begin(Duration::ZERO);
    let asked = async |app: Router| {
        let waits = ask(&app, get("/orders/1/changes"));
        let (waited, shape) = join(waits, ask(&app, get("/orders?first=one"))).await;
        [waited, shape, ask(&app, get("/orders/1")).await]
    };
    let bodies = |answers: [Answer; 3]| answers.map(|answer| (answer.status, answer.body));
    let alone = record(Tracer::Global, before::app, asked).answers;
    assert_eq!(bodies(run(&plimsoll, asked).answers), bodies(alone));
}
