//! Serves the orders, before or after adopting Plimsoll.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use guest_service::{after, before, telemetry};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::BatchSpanProcessor;
use tokio::net::TcpListener;

/// An ordinary service, before and after adopting Plimsoll
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  guest-service before
  guest-service after --listen 127.0.0.1:0

Spans go to OTEL_EXPORTER_OTLP_ENDPOINT, by default http://localhost:4318.
Exit codes: 0 ended, 2 usage or could not start")]
struct Cli {
    /// Which of the two
    which: Which,
    /// Where requests are answered; port 0 takes any free one and prints it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Before,
    After,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            2.into()
        }
    }
}

#[expect(clippy::print_stderr, reason = "the log may not be there yet")]
fn say(line: &str) {
    eprintln!("{line}");
}

async fn serve(cli: &Cli) -> Result<(), Box<dyn Error>> {
    // Its client blocks, so it must not be made on a runtime's thread.
    let exporter = std::thread::spawn(|| SpanExporter::builder().with_http().build());
    let exporter = exporter
        .join()
        .map_err(|_| "the span exporter could not be made")??;
    let processor = BatchSpanProcessor::builder(exporter).build();
    let host = telemetry::install(telemetry::provider(processor))?;
    let listener = TcpListener::bind(cli.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    match cli.which {
        Which::Before => before::serve(listener, host).await,
        Which::After => after::serve(listener, host).await,
    }
}
