use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Part, Permit, Refusal, Rollout, current, held};

use super::Drain;

/// Counts requests and lets them pass until the drain's deadline; see the
/// [module](super).
#[derive(Debug, Clone)]
pub struct DrainGate {
    pub(super) drain: Drain,
    pub(super) rollout: Rollout,
}

/// What a request takes along to its answer.
#[derive(Debug)]
pub struct Pass {
    /// Counts the request as in flight when no record does.
    permit: Option<Permit>,
    http1: bool,
    drained: Drained,
}

/// What draining did to a request at its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drained {
    Nothing,
    Refused,
    /// Counted already as what observing left undone.
    Counted,
}

impl DrainGate {
    /// Counts by route that draining changes this answer, and whether it may.
    fn acts(&self) -> bool {
        let route = current::with(|record| record.route).unwrap_or(value::UNMATCHED);
        self.rollout.acts(Part::Drain, route)
    }

    /// Whether a client has to be asked to close its connection.
    fn closes<B>(&self, pass: &Pass, response: &Response<B>) -> bool {
        // An upgrade's `Connection` header is its own, and HTTP/2 has GOAWAY.
        if !pass.http1 || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return false;
        }
        match pass.drained {
            Drained::Refused => true,
            Drained::Counted => false,
            Drained::Nothing => self.drain.is_draining() && self.acts(),
        }
    }
}

impl Gate for DrainGate {
    type Pass = Pass;

    fn admit<B>(&self, request: &mut Request<B>) -> Result<Pass, Refused<Pass>> {
        let stands_down = self.rollout.stands_down();
        let permit = (!stands_down).then(|| self.drain.enter());
        let mut pass = Pass {
            permit: permit.and_then(held::to_record),
            http1: request.version() < Version::HTTP_2,
            drained: Drained::Nothing,
        };
        if self.drain.is_over() && !stands_down {
            if self.acts() {
                self.drain.count_refused();
                pass.drained = Drained::Refused;
                let refusal = Refusal::Draining;
                return Err(Refused { refusal, pass });
            }
            pass.drained = Drained::Counted;
        }
        Ok(pass)
    }

    fn answer<B>(&self, pass: Pass, response: &mut Response<B>) {
        if self.closes(&pass, response) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        held::attach(pass.permit, response);
    }
}
