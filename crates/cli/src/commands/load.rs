//! `plimsoll load`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use plimsoll_loadtest::cli::{self, RunArgs};
use plimsoll_loadtest::http_get::HttpGet;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Get one address as an open model and judge the service by its SLO file
    Run(Run),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Arrivals keep to their schedule whether or not the service keeps up, and latency
counts from when a request should have been sent. The service's own counters must
agree with the client's: let nobody else call it meanwhile.

Examples:
  plimsoll load run --url http://127.0.0.1:8080/v1/cards/crd_0000001 --route '/v1/cards/{id}' \\
      --metrics http://127.0.0.1:8081/metrics --slo slo/specs/card-service.yaml --rate 200 --for 30s
  plimsoll load run --url http://127.0.0.1:8080/health --metrics http://127.0.0.1:8081/metrics \\
      --slo slo.yaml --rate 50 --for 5m --format json --report report.html

Exit codes: 0 PASS, 1 FAIL, 2 usage or bad input, 3 INCONCLUSIVE, 4 INVALID, 130 interrupted.")]
pub(super) struct Run {
    #[command(flatten)]
    run: RunArgs,
    /// The route that the service counts these requests under, when it is not the path of --url
    #[arg(long, value_name = "TEMPLATE")]
    route: Option<String>,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        let Self::Run(Run { run, route }) = self;
        cli::run(&run, |plan| {
            Ok(HttpGet::new(&run.url, route.as_deref(), plan.timeout)?)
        })
    }
}
