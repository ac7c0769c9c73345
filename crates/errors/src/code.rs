//! One code of a catalog: everything that is known of a failure before it happens.

use std::time::Duration;

use plimsoll_core::{Blame, Outcome, Slo};

use crate::Grpc;

/// What a caller may do with a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request fails again.
    Never,
    /// Nothing was done: send it again.
    Safe,
    /// It may have been done: send it again only with the same idempotency
    /// key, or when the method is idempotent.
    SameKey,
    /// Nothing was done: send it again, but not before this long.
    After(Duration),
}

impl Retry {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Safe => "safe",
            Self::SameKey => "same_key",
            Self::After(_) => "after",
        }
    }

    /// How long to wait, when the code says so.
    pub const fn after(self) -> Option<Duration> {
        match self {
            Self::After(wait) => Some(wait),
            _ => None,
        }
    }
}

/// One way to fail. Declared by [`catalog!`](crate::catalog!), never changed after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// `CARD-1001`: prefix of the catalog and number.
    pub id: &'static str,
    /// Whose catalog it is: two to eight upper-case letters.
    pub prefix: &'static str,
    /// Four digits, unique in the catalog.
    pub number: u16,
    /// The variant's name in UPPER_SNAKE, at most 63 characters (AIP-193).
    pub reason: &'static str,
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// Status for callers that speak gRPC.
    pub grpc: Grpc,
    /// Whose fault it is.
    pub blame: Blame,
    /// How an SLO counts it.
    pub slo: Slo,
    /// What the caller may do.
    pub retry: Retry,
    /// A few words that never change, without details of one request.
    pub title: &'static str,
    /// What the caller is told: what happened and what to do. The only text
    /// besides the title that leaves the service.
    pub client: &'static str,
    /// What the support desk asks and answers.
    pub support: &'static str,
    /// What an operator looks at.
    pub operator: &'static str,
    /// The team that answers for it.
    pub owner: Option<&'static str>,
    /// Address of the runbook.
    pub runbook: Option<&'static str>,
    /// Why no test makes the service answer with it.
    pub untested: Option<&'static str>,
}

impl Code {
    /// How a request ended that failed with this code.
    pub const fn outcome(&self) -> Outcome {
        match self.blame {
            Blame::Client => Outcome::ClientError,
            Blame::Capacity => Outcome::Refused,
            Blame::Server | Blame::Dependency => Outcome::Fault,
        }
    }
}
