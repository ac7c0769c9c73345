//! What the limits' decisions on a request come to: counts, fields and a denial.

use std::cmp::Reverse;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use plimsoll_core::{Decided, Mode, Refusal, intern};

use super::debit::Debits;
use super::decide::Said;
use super::subject::{Found, Stance};
use super::{Label, Policy};
use crate::answers::{Answers, Form, PartitionKey};
use crate::gcra::{Decision, Verdict};
use crate::headers::{self, Field};
use crate::quota::Quota;

/// What the limits say of one request.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The denial that the client has to wait for longest; `None` when the request passes.
    pub denied: Option<Denied>,
    /// What the tightest policy decided: all that any signal says of it.
    pub decided: Option<Decided>,
    /// The value of `RateLimit`; `None` when no limit counted the request.
    pub field: Option<HeaderValue>,
    /// The value of `RateLimit-Policy`, when it is not what the limiter advertises
    /// to everybody: the key has a plan or is told apart, or a policy only observes.
    pub advertised: Option<HeaderValue>,
    /// The fields of an older form, which stand in place of the two above.
    pub older: Vec<(HeaderName, HeaderValue)>,
    /// What the request took, if it passes: for [`crate::Limiter::give_back`].
    pub debits: Debits,
}

/// A denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    /// The policy that said no; of several the one to wait for longest.
    pub policy: &'static str,
    /// How long the client is to wait, in whole milliseconds and with the jitter:
    /// then this policy would say yes to the same request. `None` when it never
    /// would, because the request costs more than its burst.
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
}

/// Which of several decisions is told: the gravest. The names make it the same
/// in whatever order the limits stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Gravity {
    severity: u8,
    /// Nanoseconds that a refused client has to wait; never is the longest.
    wait: u64,
    remaining: Reverse<u32>,
    name: Reverse<&'static str>,
}

impl Gravity {
    fn of(name: &'static str, said: &Said) -> Self {
        let severity = match (said.decision.verdict, said.stance) {
            (Verdict::Allow, _) => 0,
            (_, Stance::UnnamedProxy) => 1,
            (_, Stance::Observes) => 2,
            (_, Stance::Enforces) => 3,
        };
        let wait = match said.decision.verdict {
            Verdict::Deny { retry_after } if severity == 3 => retry_after,
            Verdict::NeverFits if severity == 3 => u64::MAX,
            _ => 0,
        };
        Self {
            severity,
            wait,
            remaining: Reverse(said.decision.remaining),
            name: Reverse(name),
        }
    }
}

/// The answer as it is put together.
pub(super) struct Telling<'a> {
    mode: Mode,
    answers: &'a Answers,
    /// Whether a limit refuses the request.
    pub(super) denied: bool,
    answer: Answer,
    /// That of the gravest limit so far.
    gravest: Option<Gravity>,
    /// How many limits were asked.
    asked: usize,
    /// Which of them refuse, a bit each.
    violated: u8,
    /// Whether other policies are told than everybody is told.
    own: bool,
    /// What an older form tells: the tightest limit that enforces.
    older: Option<(&'static str, Decision)>,
}

impl<'a> Telling<'a> {
    pub(super) fn new(mode: Mode, answers: &'a Answers) -> Self {
        Self {
            mode,
            answers,
            denied: false,
            answer: Answer::default(),
            gravest: None,
            asked: 0,
            violated: 0,
            own: false,
            older: None,
        }
    }

    pub(super) fn tell(&mut self, policy: &Policy, said: Option<&Said>, field: &mut Field) {
        let bit = 1_u8 << self.asked;
        self.asked += 1;
        let Some(said) = said else {
            self.own = true;
            return;
        };
        self.own |= said.own || said.stance != Stance::Enforces;
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
            match self.answers.form {
                Form::Draft11 => {
                    headers::limit_item(field, policy.name, &said.decision, said.partition);
                }
                Form::Draft7 | Form::XRateLimit => self.tell_older(policy, said),
                Form::Off => {}
            }
        }
        let denies = said.denies();
        if denies {
            self.violated |= bit;
        }
        let gravity = Some(Gravity::of(policy.name, said));
        if gravity <= self.gravest {
            return;
        }
        self.gravest = gravity;
        self.answer.decided = Some(decided(policy, said, label));
        if denies {
            let retry_after = match said.decision.verdict {
                Verdict::Deny { retry_after } => Some(Duration::from_nanos(retry_after)),
                Verdict::Allow | Verdict::NeverFits => None,
            };
            self.answer.denied = Some(Denied {
                policy: policy.name,
                retry_after,
                violated: &[],
            });
        }
    }

    /// What the request took; only of one that passes.
    pub(super) fn took(&mut self, debits: Debits) {
        self.answer.debits = debits;
    }

    /// Keeps the refusal with the least left, else the limit with the least left.
    fn tell_older(&mut self, policy: &Policy, said: &Said) {
        let rank = |name, it: &Decision| (it.allows(), it.remaining, name);
        let new = rank(policy.name, &said.decision);
        if self.older.is_none_or(|(name, old)| new < rank(name, &old)) {
            self.older = Some((policy.name, said.decision));
        }
    }

    /// Puts the answer together; `policies` are those that were told, in their order.
    pub(super) fn done<'p, I>(mut self, field: &Field, policies: impl Fn() -> I) -> Answer
    where
        I: Iterator<Item = (&'p Policy, Option<Found>)>,
    {
        self.answer.field = headers::value(field);
        if let Some(denied) = &mut self.answer.denied {
            if self.violated.count_ones() > 1 {
                let all = policies()
                    .zip(0..)
                    .filter(|(_, at)| self.violated >> at & 1 == 1);
                let names: Vec<_> = all.map(|((policy, _), _)| policy.name).collect();
                denied.violated = intern::list(&names).unwrap_or_default();
            }
            let wait = denied
                .retry_after
                .map(|wait| self.answers.jitter.spread(wait));
            denied.retry_after = wait;
            if let Some(decided) = &mut self.answer.decided
                && decided.decision == Label::Deny.as_str()
            {
                decided.retry_after = denied.retry_after;
                decided.violated = denied.violated;
            }
        }
        if let Some((name, decision)) = self.older {
            let told = || policies().filter_map(enforced);
            let tightest = told().find(|(policy, ..)| policy.name == name);
            let tightest = tightest.map_or(Quota::per_second(0), |(_, quota, _)| quota);
            let all = told().map(|(_, quota, _)| quota);
            self.answer.older = headers::older(self.answers.form, &decision, &tightest, all);
        } else if self.own && self.answer.field.is_some() {
            let mut field = String::new();
            for (policy, quota, partition) in policies().filter_map(enforced) {
                headers::policy_item(&mut field, policy.name, &quota, policy.unit, partition);
            }
            self.answer.advertised = HeaderValue::try_from(field).ok();
        }
        self.answer
    }
}

/// A policy that the client may be told of, its quota for this key, and whose it is.
fn enforced(
    (policy, found): (&Policy, Option<Found>),
) -> Option<(&Policy, Quota, Option<PartitionKey>)> {
    let found = found.filter(|found| found.stance == Stance::Enforces)?;
    let quota = found.plan.unwrap_or_else(|| policy.rate.quota());
    Some((policy, quota, found.partition))
}

fn decided(policy: &Policy, said: &Said, label: Label) -> Decided {
    Decided {
        remaining: said.decision.remaining,
        ..Decided::new(policy.name, label.as_str())
    }
}
