//! Load tests as a gate: open-model arrivals, journeys, a verdict to trust.
//!
//! Arrivals follow an absolute, seeded [`schedule`]; a [`pacer`] keeps it; the
//! [`engine`] starts one journey per arrival and [`stats`] keeps three clocks for
//! each request: intended to done, sent to done, intended to sent. The [`gate`]
//! judges what the service counted and what the client saw by the same SLO
//! file, compares the two, and says PASS, FAIL, INCONCLUSIVE or INVALID.
//!
//! With the feature `goose`, journeys are goose's scenarios under this clock:
//! `plimsoll_loadtest::main(scenarios)` is a whole load test.

pub mod agreement;
pub mod cli;
#[cfg(all(feature = "goose", unix))]
pub mod demo;
pub mod engine;
pub mod evidence;
#[cfg(feature = "goose")]
pub mod executor;
pub mod gate;
pub mod http_get;
pub mod journeys;
pub mod pacer;
pub mod plan;
pub mod plot;
pub mod progress;
pub mod report;
pub mod sample;
pub mod schedule;
pub mod stats;
pub mod stop;
pub mod tape;

#[cfg(feature = "goose")]
pub use ::goose;
pub use engine::Executor;
#[cfg(feature = "goose")]
pub use executor::main;
pub use gate::Target;
pub use plan::Plan;
pub use report::LoadReport;
pub use schedule::{Arrivals, Rate};
pub use stop::Stop;
