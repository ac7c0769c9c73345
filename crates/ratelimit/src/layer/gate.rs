use http::{HeaderName, HeaderValue, Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Refusal, Rollout, current};

use crate::Limiter;
use crate::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::limiter::{Answer, Denied};

/// Lets requests pass that their limits allow; see the [module](super).
#[derive(Debug, Clone)]
pub struct LimitGate {
    pub(super) limiter: Limiter,
    pub(super) rollout: Rollout,
    /// Whether the clock is that of the records.
    pub(super) clocked: bool,
}

/// What an answer says of its limits.
#[derive(Debug, Default)]
pub struct Fields {
    /// `RateLimit`.
    limits: Option<HeaderValue>,
    /// `RateLimit-Policy`, when it is not what everybody is told.
    policies: Option<HeaderValue>,
    /// Those of an older form.
    older: Vec<(HeaderName, HeaderValue)>,
}

impl Fields {
    fn of(answer: Answer) -> Self {
        Self {
            limits: answer.field,
            policies: answer.advertised,
            older: answer.older,
        }
    }
}

impl Gate for LimitGate {
    /// What the answer may say.
    type Pass = Fields;

    fn admit<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Refused<Self::Pass>> {
        let mode = self.rollout.mode(Part::Limit);
        if mode == Mode::Off || self.limiter.is_empty() {
            return Ok(Fields::default());
        }
        let started = current::with(|record| record.started);
        let now = started.filter(|_| self.clocked);
        let answer = self.limiter.decide_request(request, mode, now);
        match self.settle(answer, None) {
            (None, pass) => Ok(pass),
            (Some(refusal), pass) => Err(Refused { refusal, pass }),
        }
    }

    /// Appended: an inner limit may have said its own.
    fn answer<B>(&self, fields: Self::Pass, response: &mut Response<B>) {
        if let Some(field) = fields.limits {
            let headers = response.headers_mut();
            headers.append(RATE_LIMIT, field);
            if let Some(policy) = fields.policies.or_else(|| self.limiter.advertised()) {
                headers.append(RATE_LIMIT_POLICY, policy);
            }
        }
        for (name, value) in fields.older {
            response.headers_mut().append(name, value);
        }
    }
}

impl LimitGate {
    /// What the limits may do.
    pub(crate) fn mode(&self) -> Mode {
        self.rollout.mode(Part::Limit)
    }

    /// Why a request does not pass, if it doesn't, and what its answer says of
    /// the limits. `closed` stands in for a decision that nobody could make.
    pub(crate) fn settle(
        &self,
        answer: Answer,
        closed: Option<Refusal>,
    ) -> (Option<Refusal>, Fields) {
        let route = current::with(|record| {
            if answer.decided.is_some() {
                record.decision = answer.decided;
            }
            record.route
        });
        let denied = answer.denied.map(Denied::refusal);
        let route = route.unwrap_or(value::UNMATCHED);
        let refusal = denied.or(closed);
        let refusal = refusal.filter(|_| self.rollout.acts(Part::Limit, route));
        let tells = refusal.is_some() || self.mode() == Mode::Enforce;
        let fields = if tells {
            Fields::of(answer)
        } else {
            Fields::default()
        };
        (refusal, fields)
    }
}
