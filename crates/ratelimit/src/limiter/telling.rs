//! What the limits' decisions on a request come to: counts, fields and a denial.

use std::time::Duration;

use http::HeaderValue;
use plimsoll_core::{Mode, Refusal, intern};

use super::decide::Said;
use super::subject::{Found, Stance};
use super::{Label, MAX_LIMITS, Policy};
use crate::gcra::Verdict;
use crate::headers::{self, Field};

/// What the limits say of one request.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The denial that the client has to wait for longest; `None` when the request passes.
    pub denied: Option<Denied>,
    /// The tightest policy and what it decided.
    pub tightest: Option<(&'static str, &'static str)>,
    /// The value of `RateLimit`; `None` when no limit counted the request.
    pub field: Option<HeaderValue>,
    /// The value of `RateLimit-Policy`, when it is not what the limiter advertises
    /// to everybody: the key has a plan, or a policy only observes.
    pub advertised: Option<HeaderValue>,
}

/// A denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    /// The policy that said no; of several the one to wait for longest.
    pub policy: &'static str,
    /// How long until this policy would say yes to the same request; `None` when
    /// it never would, because the request costs more than its burst.
    pub retry_after: Option<Duration>,
    /// Every policy that said no; empty when that is this one alone.
    pub violated: &'static [&'static str],
}

impl Denied {
    /// What it is answered with.
    pub const fn refusal(self) -> Refusal {
        let policy = self.policy;
        match self.retry_after {
            Some(retry_after) => Refusal::Quota {
                policy,
                violated: self.violated,
                retry_after,
            },
            None => Refusal::NeverFits { policy },
        }
    }

    /// Whether this one is answered rather than the other: never outlasts any wait.
    fn outlasts(&self, other: Option<&Self>) -> bool {
        match (self.retry_after, other.map(|other| other.retry_after)) {
            (_, None) => true,
            (None, Some(wait)) => wait.is_some(),
            (Some(own), Some(wait)) => wait.is_some_and(|wait| wait < own),
        }
    }
}

/// The answer as it is put together.
pub(super) struct Telling {
    mode: Mode,
    /// Whether a limit refuses the request.
    pub(super) denied: bool,
    answer: Answer,
    /// Cells left of the tightest limit so far.
    least: u32,
    violated: [&'static str; MAX_LIMITS],
    violations: usize,
    /// Whether other policies are told than everybody is told.
    own: bool,
}

impl Telling {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            denied: false,
            answer: Answer::default(),
            least: u32::MAX,
            violated: [""; MAX_LIMITS],
            violations: 0,
            own: false,
        }
    }

    pub(super) fn tell(&mut self, policy: &Policy, said: Option<&Said>, field: &mut Field) {
        let Some(said) = said else {
            return;
        };
        self.own |= said.planned || said.stance == Stance::Observes;
        let label = match said.decision.verdict {
            Verdict::Allow => Label::Allow,
            _ if said.stance == Stance::UnnamedProxy => Label::ObservedUnnamedProxy,
            _ if said.stance == Stance::Enforces && self.mode == Mode::Enforce => Label::Deny,
            _ => Label::Observed,
        };
        if label != Label::Allow || !self.denied {
            policy.count(label);
        }
        if said.stance == Stance::Enforces {
            headers::limit_item(field, policy.name, &said.decision);
        }
        let answer = &mut self.answer;
        if said.stance != Stance::UnnamedProxy && !said.decision.allows() {
            let denied = Denied {
                policy: policy.name,
                retry_after: match said.decision.verdict {
                    Verdict::Deny { retry_after } => Some(Duration::from_nanos(retry_after)),
                    Verdict::Allow | Verdict::NeverFits => None,
                },
                violated: &[],
            };
            if said.denies() {
                self.violated[self.violations] = policy.name;
                self.violations += 1;
                if denied.outlasts(answer.denied.as_ref()) {
                    answer.denied = Some(denied);
                    answer.tightest = Some((policy.name, label.as_str()));
                }
            } else if answer.denied.is_none() {
                answer.tightest = Some((policy.name, label.as_str()));
            }
        } else if answer.denied.is_none() && said.decision.remaining < self.least {
            self.least = said.decision.remaining;
            answer.tightest = Some((policy.name, label.as_str()));
        }
    }

    /// Tells the policies as they hold for this key, if that is not what
    /// everybody is told.
    pub(super) fn advertise<'a, I>(&mut self, policies: impl FnOnce() -> I)
    where
        I: Iterator<Item = (&'a Policy, Option<Found>)>,
    {
        if !self.own {
            return;
        }
        let mut field = String::new();
        for (policy, found) in policies() {
            let Some(found) = found.filter(|found| found.stance == Stance::Enforces) else {
                continue;
            };
            headers::policy_item(&mut field, policy.name, &found.plan.unwrap_or(policy.quota));
        }
        self.answer.advertised = HeaderValue::try_from(field).ok();
    }

    pub(super) fn done(mut self, field: &Field) -> Answer {
        self.answer.field = headers::value(field);
        if let (Some(denied), 2..) = (&mut self.answer.denied, self.violations) {
            let violated = &self.violated[..self.violations];
            denied.violated = intern::list(violated).unwrap_or_default();
        }
        self.answer
    }
}
