use http::{HeaderName, HeaderValue, Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Rollout, current};

use crate::Limiter;
use crate::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::limiter::Answer;

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
        let route = current::with(|record| {
            record.decision = answer.decided;
            record.route
        });
        if let Some(denied) = answer.denied
            && self
                .rollout
                .acts(Part::Limit, route.unwrap_or(value::UNMATCHED))
        {
            return Err(Refused {
                refusal: denied.refusal(),
                pass: Fields::of(answer),
            });
        }
        Ok(match mode {
            Mode::Enforce => Fields::of(answer),
            Mode::Observe | Mode::Off => Fields::default(),
        })
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
