//! The service under test: this test program, started again as a process.

use std::process::Command;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use plimsoll::{Check, Plimsoll};
use plimsoll_testkit::process::{Process, again};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Between two runs of a check, and the longest run.
pub(crate) const EVERY: Duration = Duration::from_millis(400);
pub(crate) const TIMEOUT: Duration = Duration::from_millis(400);
/// For which a worker may be blocked.
pub(crate) const MAX_STALL: Duration = Duration::from_millis(1_500);

/// For which the check `steady` fails at least: longer than all that a test does
/// to the database meanwhile.
pub(crate) const DWELL: Duration = Duration::from_secs(20);

const DATABASE: &str = "FAULTS_DATABASE";
/// When it is set, a second check of the database, `steady`, dwells.
pub(crate) const STEADY: &str = "FAULTS_STEADY";

/// The service, with a database at this address or with none.
pub(crate) fn command(database: Option<&str>) -> Command {
    let mut command = again("service::runs_until_a_signal");
    command
        .env("PLIMSOLL_WAIT", "0s")
        .env("RUST_BACKTRACE", "0");
    if let Some(database) = database {
        command.env(DATABASE, database);
    }
    command
}

pub(crate) fn start(database: Option<&str>) -> Process {
    Process::start(&mut command(database))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the service that the other tests start"]
async fn runs_until_a_signal() {
    let mut builder = Plimsoll::builder("faults")
        .max_stall(MAX_STALL)
        .readiness(often(Check::new("switched", switched)));
    if let Ok(url) = std::env::var(DATABASE) {
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy(&url);
        let pool = pool.unwrap();
        builder = builder.readiness(often(ping("database", &pool)));
        if std::env::var_os(STEADY).is_some() {
            builder = builder.readiness(often(ping("steady", &pool).dwell(DWELL)));
        }
    }
    let plimsoll = builder.install().unwrap();
    let app = Router::new()
        .route("/ok", get(async || "ok"))
        .route("/switch/{to}", post(switch))
        .route(
            "/inside",
            get(async || INSIDE.load(Ordering::Relaxed).to_string()),
        )
        .route("/block/{millis}", post(block));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = app.layer(plimsoll.layer());
    plimsoll.serve(listener, app).await.unwrap();
}

fn ping(name: &str, pool: &PgPool) -> Check {
    let pool = pool.clone();
    Check::new(name, move || {
        let pool = pool.clone();
        async move { sqlx::query("SELECT ping()").execute(&pool).await.map(drop) }
    })
}

fn often(check: Check) -> Check {
    check.every(EVERY).timeout(TIMEOUT)
}

/// What the check `switched` does: 0 passes, 1 panics, 2 hangs, 3 fails every other
/// time, 4 leaks what there is only some of.
static SWITCH: AtomicU8 = AtomicU8::new(0);
/// Runs of it.
static RUNS: AtomicU64 = AtomicU64::new(0);
/// Runs of it that are under way.
static INSIDE: AtomicU64 = AtomicU64::new(0);

/// As connections of a pool.
static SEATS: Semaphore = Semaphore::const_new(2);

struct Inside;

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn switched() -> Result<(), &'static str> {
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    INSIDE.fetch_add(1, Ordering::Relaxed);
    let _inside = Inside;
    match SWITCH.load(Ordering::Relaxed) {
        1 => panic!("on purpose"),
        2 => std::future::pending().await,
        4 => SEATS.acquire().await.unwrap().forget(),
        3 if run.is_multiple_of(2) => return Err("flaps"),
        _ => {}
    }
    Ok(())
}

async fn switch(Path(to): Path<u8>) {
    SWITCH.store(to, Ordering::Relaxed);
    if to == 0 {
        SEATS.add_permits(2 - SEATS.available_permits());
    }
}

/// Takes its worker for a while, as a handler that blocks does.
async fn block(Path(millis): Path<u64>) {
    let never = Mutex::new(());
    let guard = never.lock().unwrap();
    let time = Duration::from_millis(millis);
    let waited = Condvar::new().wait_timeout_while(guard, time, |()| true);
    drop(waited);
}
