//! What the parent of the measured processes does.

mod callgrind;
mod process;
mod server;
mod sink;

pub use callgrind::Instructions;
pub use process::{Bench, How, Ran};
pub use server::Server;

use crate::workload::Events;

/// A stack and how it is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// The stack's name.
    pub stack: &'static str,
    /// Share of requests whose spans are kept.
    pub sampling: f64,
    /// What the handler emits.
    pub events: Events,
}

impl Case {
    /// A stack whose handler emits nothing.
    pub const fn new(stack: &'static str, sampling: f64) -> Self {
        let events = Events::None;
        Self {
            stack,
            sampling,
            events,
        }
    }

    /// The same with a handler that emits.
    #[must_use]
    pub const fn with(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Whether spans are expected of it.
    fn is_traced(&self) -> bool {
        const TRACED: [&str; 3] = ["ours", "careful", "lean"];
        TRACED.contains(&self.stack) || self.stack.contains("-trace")
    }

    /// As arguments of a child.
    fn arguments(&self) -> [String; 5] {
        [
            self.stack.to_owned(),
            "--sampling".to_owned(),
            self.sampling.to_string(),
            "--events".to_owned(),
            self.events.as_str().to_owned(),
        ]
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {} %", self.stack, self.sampling * 100.0)?;
        match self.events {
            Events::None => Ok(()),
            events => write!(f, ", events {}", events.as_str()),
        }
    }
}
