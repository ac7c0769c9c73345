//! Whatever clients, handlers and receivers do: after shutdown every ledger
//! balances, and its terms are what the other side counted.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::RawQuery;
use axum::routing::get as on_get;
use http::{Response, StatusCode};
use plimsoll::{Outcome, Plimsoll};
use plimsoll_telemetry::Balance;
use plimsoll_testkit::body::{Script, Step as Does};
use plimsoll_testkit::otlp::Behaviour;
use plimsoll_testkit::signals::{Receivers, Signals};
use plimsoll_testkit::wait::until;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{get, serve};

/// Keys of requests whose handler has begun: before, a server may not see that
/// there was one when its client leaves.
static BEGUN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A request and how it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ask {
    Complete,
    Missing,
    Fault,
    Panic,
    PanicInBody,
    Stream,
    BodyError,
    LeaveBeforeTheHead,
    LeaveMidBody,
}

impl Ask {
    const ALL: [Self; 9] = [
        Self::Complete,
        Self::Missing,
        Self::Fault,
        Self::Panic,
        Self::PanicInBody,
        Self::Stream,
        Self::BodyError,
        Self::LeaveBeforeTheHead,
        Self::LeaveMidBody,
    ];

    fn path(self) -> &'static str {
        match self {
            Self::Complete => "/complete",
            Self::Missing => "/missing",
            Self::Fault => "/fault",
            Self::Panic => "/panic",
            Self::PanicInBody => "/panic-in-body",
            Self::Stream => "/stream",
            Self::BodyError => "/body-error",
            Self::LeaveBeforeTheHead => "/pending",
            Self::LeaveMidBody => "/hanging",
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Complete | Self::Stream => Outcome::Success,
            Self::Missing => Outcome::ClientError,
            Self::Fault => Outcome::Fault,
            Self::Panic | Self::PanicInBody => Outcome::Panic,
            Self::BodyError => Outcome::BodyError,
            Self::LeaveBeforeTheHead => Outcome::ClientGoneBeforeHead,
            Self::LeaveMidBody => Outcome::ClientGoneMidBody,
        }
    }

    async fn send(self, address: SocketAddr) {
        if !matches!(self, Self::LeaveBeforeTheHead | Self::LeaveMidBody) {
            get(address, self.path()).await;
            return;
        }
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {}?{key} HTTP/1.1\r\nhost: test\r\n\r\n", self.path());
        stream.write_all(request.as_bytes()).await.unwrap();
        if self == Self::LeaveMidBody {
            assert!(stream.read(&mut [0; 256]).await.unwrap() > 0);
        } else {
            let begun = || BEGUN.lock().unwrap().remove(&key.to_string()).then_some(());
            until("the handler", begun).await;
        }
    }
}

fn app() -> Router {
    let script = |steps: &'static [Does]| {
        on_get(async move || Response::new(Body::new(Script::new(steps.to_vec()))))
    };
    Router::new()
        .route(Ask::Complete.path(), on_get(async || "ok"))
        .route(Ask::Fault.path(), on_get(async || StatusCode::BAD_GATEWAY))
        .route(
            Ask::Panic.path(),
            // Past the panic hook: a backtrace for each would be most of the work.
            on_get(async || -> () { resume_unwind(Box::new("here")) }),
        )
        .route(
            Ask::PanicInBody.path(),
            script(&[Does::Data("a"), Does::Panic("here")]),
        )
        .route(
            Ask::Stream.path(),
            script(&[Does::Data("a"), Does::Data("b")]),
        )
        .route(
            Ask::BodyError.path(),
            script(&[Does::Data("a"), Does::Fail("disk")]),
        )
        .route(
            Ask::LeaveBeforeTheHead.path(),
            on_get(async |RawQuery(key): RawQuery| {
                BEGUN.lock().unwrap().extend(key);
                std::future::pending::<()>().await;
            }),
        )
        .route(
            Ask::LeaveMidBody.path(),
            script(&[Does::Data("a"), Does::Hang]),
        )
}

#[derive(Debug, Clone)]
enum Act {
    Ask(Ask),
    Collector(Behaviour),
    Sentry(Behaviour),
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        4 => Just(Behaviour::Healthy),
        1 => Just(Behaviour::Failing),
        1 => Just(Behaviour::Answering(429, Some(1))),
        1 => Just(Behaviour::Answering(400, None)),
        1 => Just(Behaviour::Hanging),
        1 => Just(Behaviour::Lying),
        1 => (1..4_usize).prop_map(Behaviour::Rejecting),
        2 => Just(Behaviour::Dead),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (0..Ask::ALL.len()).prop_map(|index| Act::Ask(Ask::ALL[index])),
        1 => behaviour().prop_map(Act::Collector),
        1 => behaviour().prop_map(Act::Sentry),
    ]
}

/// A small queue and short waits, so that there is something to lose.
fn env() -> Vec<(String, String)> {
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "12"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "150"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

async fn run(acts: Vec<Act>) {
    let receivers = Receivers::start().await;
    let builder = Plimsoll::builder("balance").env(env);
    let builder = builder.telemetry(|telemetry| receivers.receive(telemetry));
    let plimsoll = builder.build().unwrap();
    let signals = receivers.of(plimsoll.telemetry());
    let address = serve(app().layer(plimsoll.layer())).await;
    let mut asked = Vec::new();
    let mut under_way = Vec::new();
    for act in acts {
        match act {
            Act::Ask(ask) => {
                asked.push(ask);
                under_way.push(tokio::spawn(ask.send(address)));
            }
            Act::Collector(behaviour) => signals.receivers().collector.turn(behaviour).await,
            Act::Sentry(behaviour) => signals.receivers().sentry.turn(behaviour).await,
        }
    }
    for asking in under_way {
        asking.await.unwrap();
    }
    until(&format!("the end of {} requests", asked.len()), || {
        let requests = signals.report().requests;
        (requests.started == asked.len() as u64 && requests.in_flight == 0).then_some(())
    })
    .await;
    // What is still queued goes to whoever listens then.
    balances(&signals, &asked).await;
}

async fn balances(signals: &Signals, asked: &[Ask]) {
    let limit = Duration::from_secs(4);
    let report = signals.shutdown_within(limit).await;
    let count = asked.len() as u64;
    assert!(report.holds(), "{report}");
    assert_eq!(report.requests.started, count, "{report}");
    for (outcome, finished) in report.requests.by_outcome {
        let expected = asked.iter().filter(|ask| ask.outcome() == outcome).count();
        assert_eq!(finished as usize, expected, "{} {report}", outcome.as_str());
    }
    let of = |wanted: &str| -> Option<Balance> {
        let found = report.signals.iter().find(|(signal, _)| *signal == wanted);
        found.map(|(_, balance)| *balance)
    };
    let traces = of("traces").unwrap();
    assert_eq!((traces.produced, traces.pending), (count, 0), "{report}");
    let kept = signals.receivers().collector.span_count();
    assert_eq!(traces.delivered, kept as u64, "{report}");
    let logs = of("logs").unwrap();
    let lines = signals.lines();
    assert_eq!(logs.delivered, lines.len() as u64, "{report}");
    let of_requests = lines.iter().filter(|line| line["path"].is_string());
    assert_eq!(of_requests.count() as u64, count, "{report}");
    if let Some(sentry) = of("sentry") {
        let taken = signals.events().len() as u64;
        assert_eq!(sentry.delivered, taken, "{report}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 64,
        ..ProptestConfig::default()
    })]

    #[test]
    fn after_shutdown_every_ledger_balances_with_what_the_others_counted(
        acts in vec(act(), 1..120)
    ) {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run(acts));
    }
}
