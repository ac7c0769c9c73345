//! The service under load: this test program, started again as a process.

use std::io::Write;
use std::process::Command;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use http::{Response, StatusCode};
use plimsoll::{Format, Plimsoll};
use plimsoll_testkit::body::{Script, Step};
use plimsoll_testkit::process::{Process, again};
use tokio::net::TcpListener;

/// Starts the service, whose spans go to this collector.
pub(crate) fn start(collector: &str) -> Process {
    let mut command = command();
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("OTEL_BSP_SCHEDULE_DELAY", "200");
    Process::start(&mut command)
}

/// Starts the service without a collector, for one core: with one worker, as tokio
/// would take there.
pub(crate) fn start_for_one_core() -> Process {
    Process::start(command().env("TOKIO_WORKER_THREADS", "1"))
}

fn command() -> Command {
    let mut command = again("service::runs_until_a_signal");
    command
        .env("PLIMSOLL_WAIT", "0s")
        // Of the panics asked for, only the messages.
        .env("RUST_BACKTRACE", "0");
    command
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the service that the other tests start"]
async fn runs_until_a_signal() {
    let builder = Plimsoll::builder("soak");
    let builder = builder.telemetry(|it| it.format(Format::Json).log_output(WithoutRequests));
    let plimsoll = builder.install().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = app().layer(plimsoll.layer());
    plimsoll.serve(listener, app).await.unwrap();
}

fn app() -> Router {
    Router::new()
        .route("/ok", get(async || "ok"))
        .route("/echo", post(async |body: Bytes| body))
        .route("/cards/{id}", get(async || "a card"))
        .route("/stream", get(stream))
        .route("/fault", get(async || StatusCode::BAD_GATEWAY))
        .route("/panic", get(async || -> () { panic!("on purpose") }))
}

async fn stream() -> Response<Body> {
    let steps = std::iter::repeat_n(Step::Data("0123456789"), 100);
    Response::new(Body::new(Script::new(steps)))
}

/// Standard output without the lines of requests, which nobody here would read.
struct WithoutRequests;

impl Write for WithoutRequests {
    fn write(&mut self, lines: &[u8]) -> std::io::Result<usize> {
        let target = format!("\"target\":\"{}\"", plimsoll_telemetry::ACCESS_TARGET);
        let mut output = std::io::stdout().lock();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if !String::from_utf8_lossy(line).contains(&target) {
                output.write_all(line)?;
            }
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().flush()
    }
}
