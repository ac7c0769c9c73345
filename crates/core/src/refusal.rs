//! Why an inner layer said no: it answers with status and headers, an empty
//! body and a [`Refusal`] in the response's extensions; an outer layer that
//! knows the service's shape of failures writes the body.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};

use crate::outcome::{Blame, Outcome, Slo};

/// The closed list of reasons for which Plimsoll itself answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The client used up its quota.
    Quota {
        /// Name of the policy that said no.
        policy: &'static str,
        /// Every policy that said no, in their order; may be empty when that is
        /// this one alone.
        violated: &'static [&'static str],
        /// How long the client is to wait: at least until the same request would pass.
        retry_after: Duration,
    },
    /// The request costs more than its quota ever allows at once.
    NeverFits {
        /// Name of the policy that said no.
        policy: &'static str,
    },
    /// No quota decision could be made and the policy is closed.
    LimiterDown {
        /// Name of the policy.
        policy: &'static str,
    },
    /// As many requests as allowed are in flight.
    Concurrency {
        /// How long the client should wait.
        retry_after: Duration,
    },
    /// There is not much room left, and others need it more.
    Shed {
        /// How long the client should wait.
        retry_after: Duration,
    },
    /// The caller's own deadline would pass before an answer is ready.
    Deadline {
        /// How long the client should wait.
        retry_after: Duration,
    },
    /// A dependency without which this route cannot answer is down.
    Unmet {
        /// Name of the check that says so.
        check: &'static str,
    },
    /// The drain deadline has passed.
    Draining,
    /// The service's own time limit was reached.
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// A body larger than allowed was declared.
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
}

impl Refusal {
    /// The status it is answered with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Quota { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::LimiterDown { .. }
            | Self::Concurrency { .. }
            | Self::Shed { .. }
            | Self::Deadline { .. }
            | Self::Unmet { .. }
            | Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
            Self::NeverFits { .. } => StatusCode::BAD_REQUEST,
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// How the request ended.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Quota { .. }
            | Self::NeverFits { .. }
            | Self::LimiterDown { .. }
            | Self::Concurrency { .. }
            | Self::Shed { .. }
            | Self::Deadline { .. }
            | Self::Unmet { .. } => Outcome::Refused,
            Self::Draining => Outcome::ShutdownAbort,
            Self::Timeout { .. } => Outcome::Timeout,
            Self::BodyTooLarge { .. } => Outcome::ClientError,
        }
    }

    /// Whose fault it is.
    pub const fn blame(self) -> Blame {
        match self {
            Self::Quota { .. } | Self::NeverFits { .. } | Self::BodyTooLarge { .. } => {
                Blame::Client
            }
            Self::LimiterDown { .. } | Self::Unmet { .. } => Blame::Dependency,
            Self::Concurrency { .. }
            | Self::Shed { .. }
            | Self::Deadline { .. }
            | Self::Draining => Blame::Capacity,
            Self::Timeout { .. } => Blame::Server,
        }
    }

    /// How an SLO counts it.
    pub const fn slo(self) -> Slo {
        self.blame().slo()
    }

    /// What goes into `Retry-After`, in whole seconds rounded up (RFC 9110,
    /// section 10.2.3; a wait of under a second is 1, never 0).
    pub fn retry_after_seconds(self) -> Option<u64> {
        let wait = match self {
            Self::Quota { retry_after, .. }
            | Self::Concurrency { retry_after }
            | Self::Shed { retry_after }
            | Self::Deadline { retry_after } => retry_after,
            Self::LimiterDown { .. } | Self::Unmet { .. } | Self::Draining => {
                Duration::from_secs(1)
            }
            Self::NeverFits { .. } | Self::Timeout { .. } | Self::BodyTooLarge { .. } => {
                return None;
            }
        };
        let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Some(whole.max(1))
    }

    /// Whether nothing was done for the request, so that it should cost nothing.
    pub const fn is_before_work(self) -> bool {
        !matches!(self, Self::Timeout { .. } | Self::BodyTooLarge { .. })
    }

    /// Every policy that said no; empty when no limit did.
    pub const fn violated(&self) -> &[&'static str] {
        match self {
            Self::Quota {
                violated: [],
                policy,
                ..
            } => std::slice::from_ref(policy),
            Self::Quota { violated, .. } => violated,
            Self::NeverFits { policy } | Self::LimiterDown { policy } => {
                std::slice::from_ref(policy)
            }
            _ => &[],
        }
    }

    /// The bare answer: status, `Retry-After`, no body, and itself as extension.
    pub fn response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_never_earlier_than_the_wait() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            let refusal = Refusal::Quota {
                policy: "per-client",
                violated: &[],
                retry_after: Duration::from_millis(millis),
            };
            assert_eq!(refusal.retry_after_seconds(), Some(seconds), "{millis} ms");
        }
    }
}
