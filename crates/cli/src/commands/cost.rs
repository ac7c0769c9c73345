//! `plimsoll cost`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use plimsoll_core::names::{self, label};
use plimsoll_slo::scrape::{self, ScrapeError};
use plimsoll_slo::{Exposition, Verdict};
use serde_json::json;

use super::Outcome;
use crate::format::Format;
use crate::{output, progress, span};

/// Requests that bytes are told for.
const MILLION: f64 = 1e6;

#[derive(Debug, Args)]
#[command(after_help = "\
Reads what the service counts of itself: series on its page, and bytes that went
to the log and to the collector. Bytes are those that left the process: lines as
written, exports of spans over HTTP as packed. What waits in a queue is not in
them, so count over a time that is long beside the delay of the exports.

Examples:
  plimsoll cost --metrics http://127.0.0.1:8081/metrics
  plimsoll cost --metrics http://127.0.0.1:8081/metrics --interval 5m --format json

Exit codes: 0 done, 2 usage or bad input, 3 INCONCLUSIVE: no request to divide by,
4 INVALID: the service restarted meanwhile, 130 interrupted.")]
pub(crate) struct Cost {
    /// The service's metrics page
    #[arg(long, value_name = "URL")]
    metrics: String,
    /// How long to count, such as 30s, 5m [default: what was since the service started]
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    interval: Option<Duration>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What was counted up to a scrape, or between two.
#[derive(Debug, Clone, PartialEq)]
struct Counts {
    started: f64,
    requests: f64,
    bytes: BTreeMap<String, f64>,
    /// Series on the page.
    series: usize,
    /// Of those, what the budget is for; and the budget.
    budgeted: f64,
    budget: f64,
    folded: f64,
}

impl Cost {
    pub(super) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let scraped = runtime.block_on(async {
            tokio::select! {
                scraped = self.measure() => scraped.map(Some),
                _ = tokio::signal::ctrl_c() => Ok(None),
            }
        })?;
        let Some((before, after)) = scraped else {
            output::note("interrupted; nothing was counted");
            return Ok(output::INTERRUPTED.into());
        };
        let before = before.map(|page| self.read(&page)).transpose()?;
        let counts = match (before, self.read(&after)?) {
            (None, after) => after,
            (Some(before), after) if before.started.total_cmp(&after.started).is_ne() => {
                let why = "the service restarted meanwhile; count again".to_owned();
                return Ok(spoilt(&Verdict::Invalid { why: why.clone() }, &why));
            }
            (Some(before), after) => after.since(&before),
        };
        if counts.requests <= 0.0 {
            let why = "no request ended; send some, or count for longer";
            return Ok(spoilt(&Verdict::Inconclusive { needed: 1 }, why));
        }
        output::print(&match self.format {
            Format::Table => self.table(&counts),
            Format::Json => format!("{:#}\n", self.json(&counts)),
        })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn measure(&self) -> Result<(Option<Exposition>, Exposition), ScrapeError> {
        let Some(interval) = self.interval else {
            return Ok((None, scrape::get(&self.metrics).await?));
        };
        let before = scrape::get(&self.metrics).await?;
        progress::wait(interval, &format!("counting at {}", self.metrics)).await;
        Ok((Some(before), scrape::get(&self.metrics).await?))
    }

    fn read(&self, page: &Exposition) -> Result<Counts, String> {
        Counts::of(page).ok_or_else(|| {
            format!(
                "{} has no {}: it is not the page of a service with Plimsoll of this version",
                self.metrics,
                names::TELEMETRY_BYTES
            )
        })
    }

    fn table(&self, counts: &Counts) -> String {
        let over = self.interval.map_or("since the start".to_owned(), |span| {
            format!("in {} s", span.as_secs_f64())
        });
        let mut out = format!("{} requests {over}\n", counts.requests);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "series  {} on the page; {} of a budget of {}, {} folded",
            counts.series, counts.budgeted, counts.budget, counts.folded
        );
        for (signal, bytes) in &counts.bytes {
            let each = bytes / counts.requests;
            let _ = writeln!(
                out,
                "{signal:<7} {:.1} MB per million requests ({each:.0} B each)",
                each * MILLION / 1e6
            );
        }
        out
    }

    fn json(&self, counts: &Counts) -> serde_json::Value {
        let per_million = |bytes: &f64| (bytes / counts.requests * MILLION).round();
        let bytes: BTreeMap<_, _> = counts
            .bytes
            .iter()
            .map(|(signal, bytes)| (signal, per_million(bytes)))
            .collect();
        json!({
            "schema": 1,
            "seconds": self.interval.map(|span| span.as_secs_f64()),
            "requests": counts.requests,
            "series": counts.series,
            "series_budgeted": counts.budgeted,
            "series_budget": counts.budget,
            "folded": counts.folded,
            "bytes_per_million_requests": bytes,
        })
    }
}

/// Says why nothing is told.
fn spoilt(verdict: &Verdict, why: &str) -> ExitCode {
    output::note(&format!("{}: {why}", verdict.as_str()));
    verdict.exit_code().into()
}

impl Counts {
    fn of(page: &Exposition) -> Option<Self> {
        // Not `sum`, whose zero is negative.
        let sum = |name| page.series(name).fold(0.0, |sum, (_, value)| sum + value);
        let one = |name| page.series(name).next().map(|(_, value)| value);
        let bytes: BTreeMap<_, _> = page
            .series(names::TELEMETRY_BYTES)
            .filter_map(|(labels, value)| Some((labels.get(label::SIGNAL)?.clone(), value)))
            .collect();
        if bytes.is_empty() {
            return None;
        }
        Some(Self {
            started: one(names::PROCESS_START)?,
            requests: sum(names::REQUESTS),
            bytes,
            series: page.len(),
            budgeted: one(names::METRICS_SERIES)?,
            budget: one(names::METRICS_SERIES_LIMIT)?,
            folded: sum(names::METRICS_FOLDED),
        })
    }

    fn since(mut self, before: &Self) -> Self {
        self.requests -= before.requests;
        self.folded -= before.folded;
        for (signal, bytes) in &mut self.bytes {
            *bytes -= before.bytes.get(signal).copied().unwrap_or(0.0);
        }
        self
    }
}
