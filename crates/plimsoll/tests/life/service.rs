//! The service under test: this test program, started again as a process.

use std::convert::Infallible;
use std::sync::{Condvar, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Response;
use plimsoll::{Method, Plimsoll};
use plimsoll_testkit::body::{Script, Step};
use plimsoll_testkit::process::{Process, again};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

mod streams;

/// Starts the service with these settings.
pub(crate) fn start(settings: &[(&str, &str)]) -> Process {
    let mut command = again("service::runs_until_a_signal");
    command.envs(settings.iter().copied());
    Process::start(&mut command)
}

/// One worker, so that one blocked request blocks them all, unless told otherwise.
#[test]
#[ignore = "the service that the other tests start"]
fn runs_until_a_signal() {
    let runtime = match std::env::var(WORKERS) {
        Ok(workers) => {
            let mut runtime = Builder::new_multi_thread();
            runtime
                .worker_threads(workers.parse().unwrap())
                .max_blocking_threads(1);
            runtime
        }
        Err(_) => Builder::new_current_thread(),
    };
    let runtime = { runtime }.enable_all().build().unwrap();
    let code = runtime.block_on(async {
        let plimsoll = Plimsoll::builder("life-test").install().unwrap();
        plimsoll.expect_routes(&[(Method::GET, "/ok")]);
        let Err(error) = run(&plimsoll).await else {
            return 0;
        };
        tell(&error);
        error.exit_code()
    });
    // Dropping the runtime would wait for what is blocked in it.
    exit(i32::from(code));
}

#[expect(clippy::print_stderr, reason = "telemetry is flushed already")]
fn tell(error: &plimsoll::Error) {
    eprintln!("{error}");
}

async fn run(plimsoll: &Plimsoll) -> Result<(), plimsoll::Error> {
    let is = |name| std::env::var_os(name).is_some();
    if is(HUNG_POOL) {
        tokio::task::spawn_blocking(hang);
    }
    if is(SLOW_START) {
        let () = plimsoll
            .starting("migrations", std::future::pending())
            .await?;
    }
    let (one, two) = tokio::join!(
        plimsoll.starting("cache", async {}),
        plimsoll.starting("import", async {
            if is(BETWEEN_STEPS) {
                Err("no such file")
            } else {
                Ok(())
            }
        }),
    );
    one?;
    let _ = two?;
    if is(BETWEEN_STEPS) {
        std::future::pending::<()>().await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = app().merge(streams::routes(plimsoll.drain()));
    plimsoll.serve(listener, app.layer(plimsoll.layer())).await
}

/// Starts up for ever when it is set.
pub(crate) const SLOW_START: &str = "LIFE_SLOW_START";

/// A step fails, and the service hangs between its steps and `serve`, when it is set.
pub(crate) const BETWEEN_STEPS: &str = "LIFE_BETWEEN_STEPS";

/// The one thread for blocking work hangs when it is set.
pub(crate) const HUNG_POOL: &str = "LIFE_HUNG_POOL";

/// How many workers the runtime has.
pub(crate) const WORKERS: &str = "LIFE_WORKERS";

#[expect(clippy::exit, reason = "the exit code is what is tested")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}

fn app() -> Router {
    Router::new()
        .route("/ok", get(async || "ok"))
        .route("/gate", get(gate))
        .route("/open", get(async || GATE.add_permits(1)))
        .route("/events", get(events))
        .route("/block", get(block))
}

static GATE: Semaphore = Semaphore::const_new(0);

/// Answers once somebody asked for `/open`.
async fn gate() -> &'static str {
    match GATE.acquire().await {
        Ok(permit) => permit.forget(),
        Err(_) => return "closed",
    }
    "through"
}

/// A stream of events that does not end.
async fn events() -> Response<Body> {
    let steps = [Step::Data("data: first\n\n"), Step::Hang];
    let mut response = Response::new(Body::new(Script::new(steps)));
    let kind = http::HeaderValue::from_static("text/event-stream");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    response
}

/// Takes its worker for ever, as a bug in a service would.
async fn block() -> Result<(), Infallible> {
    hang();
    Ok(())
}

fn hang() {
    let never = Mutex::new(());
    let guard = never.lock().unwrap();
    let guard = Condvar::new().wait_while(guard, |()| true);
    drop(guard);
}
