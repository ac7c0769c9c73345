//! `plimsoll slo check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use plimsoll_slo::scrape::ScrapeError;
use plimsoll_slo::{Report, SloFile, check, scrape};

use crate::commands::Outcome;
use crate::format::Format;
use crate::{output, progress, span};

#[derive(Debug, Args)]
#[command(after_help = "\
Scrapes the metrics page, waits, scrapes again and judges what happened between.
Nothing is assumed: a name that matches no series or a restart is INVALID, too
few requests are INCONCLUSIVE.

Examples:
  plimsoll slo check slo/specs/card-service.yaml --metrics http://127.0.0.1:8081/metrics --for 30s
  plimsoll slo check slo/specs/card-service.yaml --metrics http://127.0.0.1:8081/metrics --for 5m --format json

Exit codes: 0 PASS, 1 FAIL, 2 usage or bad input, 3 INCONCLUSIVE, 4 INVALID, 130 interrupted.")]
pub(crate) struct Check {
    /// SLO files in OpenSLO v1
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The service's metrics page
    #[arg(long, value_name = "URL")]
    metrics: String,
    /// How long to count, such as 500ms, 30s, 5m
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = span::parse)]
    wait: Duration,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        let file = plimsoll_slo::load(&self.files)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let report = runtime.block_on(async {
            tokio::select! {
                report = self.measure(&file) => report.map(Some),
                _ = tokio::signal::ctrl_c() => Ok(None),
            }
        })?;
        let Some(report) = report else {
            output::note("interrupted; nothing was judged");
            return Ok(output::INTERRUPTED.into());
        };
        output::print(&match self.format {
            Format::Table => report.table(),
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        })?;
        Ok(report.exit_code().into())
    }

    /// A failed first scrape is bad input; a failed second one spoils the measurement.
    async fn measure(&self, file: &SloFile) -> Result<Report, ScrapeError> {
        let before = scrape::get(&self.metrics).await?;
        progress::wait(self.wait, &format!("counting at {}", self.metrics)).await;
        Ok(match scrape::get(&self.metrics).await {
            Ok(after) => check::between(file, &before, &after),
            Err(error) => check::lost(file, &error),
        })
    }
}
