use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Criticality, Mode, Part, Permit, Refusal, Rollout, current, held, jitter};

use super::ConcurrencyLimit;
use crate::overload::{Classes, Reason};

/// How long a refused client is asked to wait, at least.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How much longer it may be, so that the refused don't come back together.
const SPREAD: Duration = Duration::from_secs(2);

/// Lets as many requests pass as may be in flight; see the [module](super).
#[derive(Debug, Clone)]
pub struct ConcurrencyGate {
    pub(super) limit: ConcurrencyLimit,
    pub(super) rollout: Rollout,
    pub(super) classes: Option<Arc<Classes>>,
}

impl ConcurrencyGate {
    /// A permit for a request, or that it has to be refused. In mode `off`
    /// permits are still counted, so that a later `enforce` knows what is in flight.
    fn permit<B>(&self, request: &Request<B>) -> Result<Option<Permit>, Refusal> {
        if self.rollout.stands_down() {
            return Ok(None);
        }
        let classes = self.classes.as_ref();
        let level = classes.map_or(Criticality::CriticalPlus, |all| all.level(request));
        let mode = self.rollout.mode(Part::Concurrency);
        if mode == Mode::Off {
            return Ok(Some(self.limit.take_beyond()));
        }
        if let Some(permit) = self.limit.take_for(level) {
            return Ok(Some(permit));
        }
        self.shed(self.limit.why(level), level, mode)
            .map(|()| Some(self.limit.take_beyond()))
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

impl Gate for ConcurrencyGate {
    /// The permit, when no record holds it.
    type Pass = Option<Permit>;

    fn admit<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Refused<Self::Pass>> {
        match self.permit(request) {
            Ok(permit) => Ok(permit.and_then(held::to_record)),
            Err(refusal) => Err(Refused {
                refusal,
                pass: None,
            }),
        }
    }

    fn answer<B>(&self, permit: Self::Pass, response: &mut Response<B>) {
        held::attach(permit, response);
    }
}
