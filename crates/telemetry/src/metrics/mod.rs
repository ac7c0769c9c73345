//! Metrics: one recorder, the request series, the page.

mod histogram;
pub(crate) mod join;
pub(crate) mod own;
pub mod page;
pub mod recorder;
pub(crate) mod series;

pub use page::{CONTENT_TYPE, Page};
pub use recorder::MetricsRecorder;
