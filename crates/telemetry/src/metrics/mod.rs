//! Metrics: the series of requests, the application's own, and the page of both
//! in two forms.
//!
//! A request adds to atomics that it finds without a lock. The application's
//! `metrics::` macros reach the same registry through [`MetricsRecorder`]. The
//! page is text 0.0.4, or OpenMetrics 1.0 with exemplars, as the client asks.

mod alias;
mod cell;
pub(crate) mod exemplar;
mod foreign;
mod histogram;
pub(crate) mod host;
pub(crate) mod join;
mod labels;
mod negotiate;
mod offenders;
pub(crate) mod own;
mod page;
mod process;
pub mod recorder;
pub(crate) mod registry;
pub(crate) mod scrape;
pub(crate) mod series;

pub use alias::{Alias, UnknownAlias};
pub use negotiate::Exposition;
pub use offenders::Offender;
pub use page::Page;
pub use plimsoll_core::names::{BYTES_BUCKETS, SECONDS_BUCKETS};
pub use recorder::MetricsRecorder;
pub use scrape::Scrape;
