//! What the limits decided of a request, once for every signal.

use std::time::Duration;

/// The decision of the tightest limit. Metrics count by it, and fields, problem,
/// span and log line say what stands here, so that they cannot disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// Name of the policy.
    pub policy: &'static str,
    /// What it decided, as the label says it.
    pub decision: &'static str,
    /// Whole cells left.
    pub remaining: u32,
    /// How long the client is told to wait, in whole milliseconds; `None` when it
    /// is not refused, or would be refused for ever.
    pub retry_after: Option<Duration>,
    /// Every policy that said no; empty when that is none, or this one alone.
    pub violated: &'static [&'static str],
}

impl Decided {
    /// A decision and nothing else.
    pub const fn new(policy: &'static str, decision: &'static str) -> Self {
        Self {
            policy,
            decision,
            remaining: 0,
            retry_after: None,
            violated: &[],
        }
    }
}
