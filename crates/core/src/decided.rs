//! What the limits decided of a request, once for every signal.

use std::cmp::Reverse;
use std::time::Duration;

use crate::names::value;

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

    /// Of two decisions on one request, by an outer and an inner limiter, the one
    /// that signals tell: the more severe, then the one with less left.
    ///
    /// ```
    /// use plimsoll_core::Decided;
    ///
    /// let denied = Decided::new("per-client", "deny");
    /// let inner = Decided::new("per-user", "allow");
    /// assert_eq!(inner.or_graver(Some(denied)), denied);
    /// assert_eq!(inner.or_graver(None), inner);
    /// ```
    #[must_use]
    pub fn or_graver(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.gravity() >= self.gravity() => other,
            _ => self,
        }
    }

    fn gravity(&self) -> (u8, Reverse<u32>) {
        let severity = match self.decision {
            value::DENY => 3,
            value::OBSERVED => 2,
            value::OBSERVED_UNNAMED_PROXY => 1,
            _ => 0,
        };
        (severity, Reverse(self.remaining))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graver_of_two_is_kept_in_either_order() {
        let decided = |decision, remaining| Decided {
            remaining,
            ..Decided::new("per-client", decision)
        };
        for (graver, other) in [
            (decided("deny", 9), decided("observed", 0)),
            (decided("observed", 9), decided("observed_unnamed_proxy", 0)),
            (decided("observed_unnamed_proxy", 9), decided("allow", 0)),
            (decided("allow", 3), decided("allow", 4)),
        ] {
            assert_eq!(graver.or_graver(Some(other)), graver);
            assert_eq!(other.or_graver(Some(graver)), graver);
        }
    }
}
