use std::time::Duration;

use http::{Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Permit, Refusal, Rollout, current, held};

use super::ConcurrencyLimit;

/// How long a refused client is asked to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Lets as many requests pass as may be in flight; see the [module](super).
#[derive(Debug, Clone)]
pub struct ConcurrencyGate {
    pub(super) limit: ConcurrencyLimit,
    pub(super) rollout: Rollout,
}

impl ConcurrencyGate {
    /// A permit for a request, or that it has to be refused. In mode `off`
    /// permits are still counted, so that a later `enforce` knows what is in flight.
    fn permit(&self) -> Result<Option<Permit>, Refusal> {
        if self.rollout.stands_down() {
            return Ok(None);
        }
        if self.rollout.mode(Part::Concurrency) == Mode::Off {
            return Ok(Some(self.limit.take_beyond()));
        }
        if let Some(permit) = self.limit.take() {
            return Ok(Some(permit));
        }
        let route = current::with(|record| record.route).unwrap_or(value::UNMATCHED);
        if self.rollout.acts(Part::Concurrency, route) {
            return Err(Refusal::Concurrency {
                retry_after: RETRY_AFTER,
            });
        }
        Ok(Some(self.limit.take_beyond()))
    }
}

impl Gate for ConcurrencyGate {
    /// The permit, when no record holds it.
    type Pass = Option<Permit>;

    fn admit<B>(&self, _: &mut Request<B>) -> Result<Self::Pass, Refused<Self::Pass>> {
        match self.permit() {
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
