//! Health checks, Kubernetes probes and graceful drain.
//!
//! Checks run in the background; a probe only reads what they left in memory.
//! Liveness takes evidence from inside the process and nothing else.
//!
//! | module | holds |
//! |---|---|
//! | [`check`] | one named test of a dependency |
//! | [`checks`] | those of what most services depend on, ready-made |
//! | [`calls`] | evidence from real traffic |
//! | [`evidence`] | what a check found, how old it is, and what that means |
//! | [`heartbeat`] | evidence that the process makes progress |
//! | [`history`] | what changed, when and why |
//! | [`need`] | routes that cannot answer without a dependency |
//! | [`latch`] | what has to happen once before the service has started |
//! | [`health`] | all of them together, and the tasks that run them |
//! | [`face`] | the probes' answers: Kubernetes text, `application/health+json`, gRPC |
//! | [`drain`] | requests in flight, and the way to none |
//! | [`budget`] | how long each step of a shutdown may take |

mod advice;
pub mod budget;
pub mod calls;
pub mod check;
pub mod checks;
pub mod drain;
pub mod evidence;
pub mod face;
pub mod health;
pub mod heartbeat;
pub mod history;
pub mod latch;
pub mod need;
mod workers;

pub use budget::{Budget, BudgetError};
pub use calls::{Call, Calls};
pub use check::Check;
pub use drain::{Drain, DrainGate, DrainLayer};
pub use evidence::Status;
pub use health::{Health, HealthBuilder, HealthError, Running, StartError, Stat};
pub use heartbeat::Heartbeat;
pub use history::Transition;
pub use latch::Latch;
pub use need::NeedGate;
