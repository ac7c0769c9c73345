//! One request as the client saw it, and how an SLO counts it.

use std::{fmt, sync::Arc, time::Duration};

use plimsoll_core::names::value;
use plimsoll_core::outcome::{Blame, Outcome, Slo};
use serde::Serialize;

/// Method and route template: what the service's own series are labelled with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Endpoint {
    /// `GET`, `POST`, ...
    pub method: Arc<str>,
    /// The template, such as `/v1/cards/{id}`; never a path with an id in it.
    pub route: Arc<str>,
}

impl Endpoint {
    /// An endpoint.
    pub fn new(method: impl Into<Arc<str>>, route: impl Into<Arc<str>>) -> Self {
        Self {
            method: method.into(),
            route: route.into(),
        }
    }

    /// Of a request that was cut before anything told where it went.
    pub fn unknown() -> Self {
        Self::new(value::OTHER, "unknown")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.route)
    }
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// A response head with this status.
    Status(u16),
    /// There was no connection to send it on.
    Refused,
    /// The connection failed with the request on it.
    Transport,
    /// Nothing within the request's timeout.
    Timeout,
    /// Nothing when the run ended.
    Cut,
}

impl Answer {
    /// Whether it was sent and has no complete answer: lost, unless the service
    /// had closed its listener before.
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::Transport | Self::Timeout | Self::Cut)
    }

    /// Whether the service answered.
    pub const fn is_answered(self) -> bool {
        matches!(self, Self::Status(_))
    }

    /// 2xx and 3xx good; 4xx excluded, being the client's; 5xx, failed
    /// connections and time-outs bad.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Status(429) => Outcome::Refused,
            Self::Status(status) => Outcome::of_status(status),
            Self::Refused | Self::Transport => Outcome::Fault,
            Self::Timeout | Self::Cut => Outcome::Timeout,
        }
    }
}

/// For series and tables: the status, or why there is none.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Refused => f.write_str("no connection"),
            Self::Transport => f.write_str("connection broke"),
            Self::Timeout => f.write_str("timeout"),
            Self::Cut => f.write_str("cut"),
        }
    }
}

/// How a request counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Judgement {
    /// How it ended.
    pub outcome: Outcome,
    /// Whose fault it was, if it was one.
    pub blame: Option<Blame>,
}

impl Judgement {
    /// `expected` is the journey's own word, where it has one: an answer it
    /// asked for is good whatever its status, one it can't use is bad.
    pub const fn of(answer: Answer, expected: Option<bool>) -> Self {
        let (outcome, blame) = match (expected, answer) {
            (Some(true), Answer::Status(_)) => (Outcome::Success, None),
            (Some(false), Answer::Status(..400)) => (Outcome::Fault, Some(Blame::Server)),
            // A quota's refusal is the client's, as the service counts it.
            (_, Answer::Status(429)) => (Outcome::Refused, Some(Blame::Client)),
            _ => (answer.outcome(), answer.outcome().blame()),
        };
        Self { outcome, blame }
    }

    /// How an SLO counts it.
    pub const fn slo(self) -> Slo {
        match self.blame {
            None => Slo::Good,
            Some(blame) => blame.slo(),
        }
    }
}

/// One request. Times count from the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Where it went.
    pub endpoint: Endpoint,
    /// When it was meant to be sent: for the first request of a journey its
    /// arrival; later ones depend on the answers before, so when they were sent.
    pub intended: Duration,
    /// How much of intended to sent is the generator's own lag: it began the
    /// journey late. What is left is the wait for a free slot.
    pub lag: Duration,
    /// When it was sent.
    pub sent: Duration,
    /// When the response head was there, or the request given up.
    pub done: Duration,
    /// What came back.
    pub answer: Answer,
    /// The journey's own word on it.
    pub expected: Option<bool>,
}

impl Sample {
    /// What the user waited.
    pub fn from_intended(&self) -> Duration {
        self.done.saturating_sub(self.intended)
    }

    /// What the user would have waited, had the generator been on time.
    pub fn without_lag(&self) -> Duration {
        self.from_intended().saturating_sub(self.lag)
    }

    /// What the service and the network took.
    pub fn from_sent(&self) -> Duration {
        self.done.saturating_sub(self.sent)
    }

    /// From intended to sent.
    pub fn delay(&self) -> Duration {
        self.sent.saturating_sub(self.intended)
    }

    /// How it counts.
    pub const fn judgement(&self) -> Judgement {
        Judgement::of(self.answer, self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_unless_the_journey_has_a_word() {
        let slo = |answer, expected| Judgement::of(answer, expected).slo();
        assert_eq!(slo(Answer::Status(200), None), Slo::Good);
        assert_eq!(slo(Answer::Status(302), None), Slo::Good);
        for status in [402, 404, 409, 422, 429] {
            assert_eq!(slo(Answer::Status(status), None), Slo::Excluded, "{status}");
            assert_eq!(slo(Answer::Status(status), Some(false)), Slo::Excluded);
        }
        for answer in [
            Answer::Status(503),
            Answer::Refused,
            Answer::Transport,
            Answer::Timeout,
            Answer::Cut,
        ] {
            assert_eq!(slo(answer, None), Slo::Bad, "{answer}");
        }
        assert_eq!(slo(Answer::Status(404), Some(true)), Slo::Good);
        assert_eq!(slo(Answer::Status(200), Some(false)), Slo::Bad);
        assert_eq!(slo(Answer::Timeout, Some(true)), Slo::Bad);
    }
}
