//! Service level objectives: reader, burn-rate rules, live check, dashboards.
//!
//! One pure pipeline: OpenSLO text → [`SloFile`] → Prometheus rules
//! ([`rules::generate`]), a Grafana dashboard ([`dashboards::build`]) or a verdict
//! over two scrapes ([`check::between`]). Only [`load`] and [`scrape`] do I/O.

pub mod check;
pub mod dashboards;
pub mod evaluate;
mod example;
pub mod exposition;
mod fault;
pub mod judge;
mod model;
mod query;
mod reader;
pub mod rules;
pub mod scrape;

pub use check::{Report, Row};
pub use example::EXAMPLE;
pub use exposition::Exposition;
pub use fault::{Fault, Faults, Position, Source};
pub use judge::{Evidence, Verdict, judge};
pub use model::{Objective, Period, Sli, SloFile};
pub use query::{Expr, Op, Query, QueryError, Selector};
pub use reader::{load, read};
