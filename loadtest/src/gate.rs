//! A whole run: reach the service, count, drive, count again, judge.

use std::{io, sync::Arc, time::Duration};

use plimsoll_core::names::{ACTIVE_REQUESTS, REQUESTS_STARTED};
use plimsoll_slo::exposition::ParseError;
use plimsoll_slo::scrape::{self, ScrapeError};
use plimsoll_slo::{Exposition, SloFile};
use tokio::net::TcpStream;
use tokio::time::{self, Instant};

use crate::engine::{Executor, drive};
use crate::evidence;
use crate::http_get::{AddressError, innermost};
use crate::pacer::Pacer;
use crate::plan::Plan;
use crate::report::{LoadReport, Observed};
use crate::stop::Stop;
use crate::tape::Recorder;

/// A service that can't be connected to within this is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for the service to come to rest.
const REST: Duration = Duration::from_secs(5);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// What is tested, and against what.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where journeys go, such as `http://127.0.0.1:8080`.
    pub url: String,
    /// The service's metrics, such as `http://127.0.0.1:8081/metrics`.
    pub metrics: String,
    /// What it has promised.
    pub slo: SloFile,
}

/// Why there was no run. All are bad input: exit code 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The address can't be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nobody listens there.
    #[error("{url} cannot be reached: {why}; start the service, or correct --url")]
    Unreachable {
        /// The address.
        url: String,
        /// The innermost cause.
        why: String,
    },
    /// Its metrics can't be read.
    #[error("{0}; correct --metrics")]
    Metrics(#[from] ScrapeError),
    /// The system's timer failed.
    #[error("the timer that paces arrivals failed: {0}; are file descriptors used up?")]
    Timer(#[from] io::Error),
    /// The client's numbers can't be told as metrics.
    #[error("a request's name can't stand in a metrics page: {0}; name requests by route template")]
    Evidence(#[from] ParseError),
    /// The scenarios can't be run.
    #[error("{0}")]
    Scenario(String),
}

/// Drives the plan against the target and judges it. `recorder` may be watched
/// meanwhile, by a progress line for one.
///
/// # Errors
/// There was no run; what is found in one stands in the report.
pub async fn run<E: Executor>(
    executor: Arc<E>,
    plan: &Plan,
    target: &Target,
    recorder: &Recorder,
    stop: &Stop,
) -> Result<LoadReport, LoadError> {
    reach(&target.url).await?;
    let before = at_rest(&target.metrics).await?;
    let driven = drive(executor, plan, recorder, stop, Pacer::precise()?).await?;
    let after = at_rest(&target.metrics).await;
    let stats = recorder.stats().clone();
    let observed = Observed {
        url: &target.url,
        plan,
        driven,
        stats: &stats,
        at_rest: before.at_rest && after.as_ref().is_ok_and(|after| after.at_rest),
        before: &before.page,
        after: after
            .as_ref()
            .map(|after| &after.page)
            .map_err(ToString::to_string),
    };
    Ok(LoadReport::judge(&observed, &target.slo)?)
}

/// Whether somebody listens at `url`.
///
/// # Errors
/// It is no address, or nobody does.
pub async fn reach(url: &str) -> Result<(), LoadError> {
    let address = || AddressError(url.to_owned());
    let uri: http::Uri = url.parse().map_err(|_| address())?;
    let host = uri.host().ok_or_else(address)?;
    let port = uri.port_u16().or(match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    });
    let port = port.ok_or_else(address)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let unreachable = |why| LoadError::Unreachable {
        url: url.to_owned(),
        why,
    };
    match time::timeout(CONNECT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(unreachable(innermost(&error))),
        Err(_) => Err(unreachable(format!(
            "no answer within {} s",
            CONNECT.as_secs()
        ))),
    }
}

/// A scrape, and whether nothing moved meanwhile.
#[derive(Debug, Clone)]
pub struct Scraped {
    /// The page.
    pub page: Exposition,
    /// Whether the service was at rest.
    pub at_rest: bool,
}

/// Scrapes until nothing is in flight and two pages in a row count the same, or
/// until five seconds have passed.
///
/// # Errors
/// The page can't be read.
pub async fn at_rest(metrics: &str) -> Result<Scraped, ScrapeError> {
    let deadline = Instant::now() + REST;
    let mut page = scrape::get(metrics).await?;
    loop {
        time::sleep(LOOK).await;
        let next = scrape::get(metrics).await?;
        let at_rest = is_idle(&next) && counts(&page) == counts(&next);
        page = next;
        if at_rest || Instant::now() >= deadline {
            return Ok(Scraped { page, at_rest });
        }
    }
}

fn is_idle(page: &Exposition) -> bool {
    let in_flight: f64 = page.series(ACTIVE_REQUESTS).map(|(_, count)| count).sum();
    in_flight <= 0.0
}

fn counts(page: &Exposition) -> (f64, f64) {
    let started = page.series(REQUESTS_STARTED).map(|(_, count)| count).sum();
    (started, evidence::finished(page).values().sum())
}
