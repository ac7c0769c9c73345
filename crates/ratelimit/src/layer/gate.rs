use http::{HeaderValue, Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Rollout, current};

use crate::Limiter;
use crate::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// Lets requests pass that their limits allow; see the [module](super).
#[derive(Debug, Clone)]
pub struct LimitGate {
    pub(super) limiter: Limiter,
    pub(super) rollout: Rollout,
    /// Whether the clock is that of the records.
    pub(super) clocked: bool,
}

impl Gate for LimitGate {
    /// The value of `RateLimit`, when the answer may say it, and of
    /// `RateLimit-Policy`, when it is not what everybody is told.
    type Pass = (Option<HeaderValue>, Option<HeaderValue>);

    fn admit<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Refused<Self::Pass>> {
        let mode = self.rollout.mode(Part::Limit);
        if mode == Mode::Off || self.limiter.is_empty() {
            return Ok((None, None));
        }
        let started = current::with(|record| record.started);
        let now = started.filter(|_| self.clocked);
        let answer = self.limiter.decide_request(request, mode, now);
        let route = current::with(|record| {
            record.decision = answer.tightest;
            record.route
        });
        if let Some(denied) = answer.denied
            && self
                .rollout
                .acts(Part::Limit, route.unwrap_or(value::UNMATCHED))
        {
            return Err(Refused {
                refusal: denied.refusal(),
                pass: (answer.field, answer.advertised),
            });
        }
        let field = answer.field.filter(|_| mode == Mode::Enforce);
        Ok((field, answer.advertised))
    }

    /// Appended: an inner limit may have said its own.
    fn answer<B>(&self, (field, own): Self::Pass, response: &mut Response<B>) {
        if let Some(field) = field {
            let headers = response.headers_mut();
            headers.append(RATE_LIMIT, field);
            if let Some(policy) = own.or_else(|| self.limiter.advertised()) {
                headers.append(RATE_LIMIT_POLICY, policy);
            }
        }
    }
}
