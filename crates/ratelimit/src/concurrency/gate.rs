use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Criticality, Mode, Part, Permit, Refusal, Rollout, current, held, jitter};

use super::ConcurrencyLimit;
use crate::overload::{Reason, Rules, Timed};

/// How long a refused client is asked to wait, at least.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How much longer it may be, so that the refused don't come back together.
const SPREAD: Duration = Duration::from_secs(2);

/// Lets as many requests pass as may be in flight; see the [module](super).
#[derive(Debug, Clone)]
pub struct ConcurrencyGate {
    pub(super) limit: ConcurrencyLimit,
    pub(super) rollout: Rollout,
    pub(super) rules: Option<Arc<Rules>>,
}

impl ConcurrencyGate {
    /// What a request takes along, or that it has to be refused. In mode `off`
    /// permits are still counted, so that a later `enforce` knows what is in flight.
    fn decide<B>(&self, request: &Request<B>) -> Result<Pass, Refusal> {
        let mut pass = Pass::default();
        if self.rollout.stands_down() {
            return Ok(pass);
        }
        let mode = self.rollout.mode(Part::Concurrency);
        let mut level = Criticality::CriticalPlus;
        if let Some(rules) = &self.rules {
            let arrived = rules.classes.arrived(request.extensions());
            level = rules.classes.level(request, &arrived);
            pass.timed = rules.deadlines.read(request, &arrived);
        }
        if mode == Mode::Off {
            pass.permit = Some(self.limit.take_beyond());
            return Ok(pass);
        }
        if pass.timed.is_some_and(|timed| timed.too_late) {
            self.shed(Reason::Deadline, level, mode)?;
        }
        pass.permit = self.limit.take_for(level);
        if pass.permit.is_none() {
            self.shed(self.limit.why(level), level, mode)?;
            pass.permit = Some(self.limit.take_beyond());
        }
        Ok(pass)
    }

    /// Refuses a request, or lets it pass all the same.
    fn shed(&self, reason: Reason, level: Criticality, mode: Mode) -> Result<(), Refusal> {
        let route = current::with(|record| record.route).unwrap_or(value::UNMATCHED);
        let acts = self.rollout.acts(Part::Concurrency, route);
        if !acts && mode == Mode::Enforce {
            // A route that nothing may refuse.
            return Ok(());
        }
        self.limit.count_shed(reason, level, mode);
        if !acts {
            return Ok(());
        }
        let retry_after = jitter::additive(RETRY_AFTER, SPREAD);
        Err(match reason {
            Reason::Concurrency => Refusal::Concurrency { retry_after },
            Reason::Deadline => Refusal::Deadline { retry_after },
            Reason::Reserve | Reason::Memory | Reason::Runtime => Refusal::Shed { retry_after },
        })
    }
}

/// What a request takes along to its answer.
#[derive(Debug, Default)]
pub struct Pass {
    /// When no record holds it.
    permit: Option<Permit>,
    timed: Option<Timed>,
}

impl Gate for ConcurrencyGate {
    type Pass = Pass;

    fn admit<B>(&self, request: &mut Request<B>) -> Result<Pass, Refused<Pass>> {
        match self.decide(request) {
            Ok(mut pass) => {
                pass.permit = pass.permit.and_then(held::to_record);
                Ok(pass)
            }
            Err(refusal) => Err(Refused {
                refusal,
                pass: Pass::default(),
            }),
        }
    }

    fn answer<B>(&self, pass: Pass, response: &mut Response<B>) {
        if let (Some(timed), Some(rules)) = (pass.timed, &self.rules) {
            rules.deadlines.ended(timed);
        }
        held::attach(pass.permit, response);
    }
}
