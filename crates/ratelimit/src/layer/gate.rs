use http::{HeaderName, HeaderValue, Request, Response};
use plimsoll_core::gate::{Gate, Refused};
use plimsoll_core::names::value;
use plimsoll_core::{Mode, Part, Refusal, Rollout, current};

use super::older;
use crate::Limiter;
use crate::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::limiter::{Answer, Debits, Denied, Usual, Word};

/// Lets requests pass that their limits allow; see the [module](super).
#[derive(Debug, Clone)]
pub struct LimitGate {
    pub(super) limiter: Limiter,
    pub(super) rollout: Rollout,
    /// Whether the clock is that of the records.
    pub(super) clocked: bool,
}

/// What an answer says of its limits, and what its request took of them.
#[derive(Debug, Default)]
pub struct Fields {
    /// `RateLimit`.
    limits: Option<HeaderValue>,
    seldom: Option<Box<Seldom>>,
    debits: Debits,
}

/// What few answers say; apart, for the rest is moved with every request.
#[derive(Debug)]
struct Seldom {
    /// `RateLimit-Policy`, when it is not what everybody is told.
    policies: Option<HeaderValue>,
    /// The fields of an older form.
    older: Vec<(HeaderName, HeaderValue)>,
}

impl Fields {
    #[inline]
    fn of(answer: Answer) -> Self {
        let (policies, older) = (answer.advertised, answer.older);
        let seldom = policies.is_some() || !older.is_empty();
        Self {
            limits: answer.field,
            seldom: seldom.then(|| Box::new(Seldom { policies, older })),
            debits: answer.debits,
        }
    }
}

impl Gate for LimitGate {
    /// What the answer may say.
    type Pass = Fields;

    fn admit<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Refused<Self::Pass>> {
        if self.limiter.is_empty() {
            return Ok(Fields::default());
        }
        let mode = self.rollout.mode(Part::Limit);
        if mode == Mode::Off {
            return Ok(Fields::default());
        }
        // The record is looked at once.
        let seen = current::with(|record| {
            let limited = !self.rollout.is_unlimited(record.route);
            limited.then(|| {
                self.limiter.note_round(record);
                (record.started, record.client)
            })
        });
        let (started, client) = match seen {
            Some(None) => return Ok(Fields::default()),
            Some(Some((started, client))) => (Some(started), client),
            None => (None, None),
        };
        let now = started.filter(|_| self.clocked);
        match self.limiter.decide_request(request, mode, now, client) {
            Word::Usual(usual) => Ok(noted(usual, mode)),
            Word::Other(answer) => match self.settle(answer, None) {
                (None, pass) => Ok(pass),
                (Some(refusal), pass) => Err(Refused { refusal, pass }),
            },
        }
    }

    /// Gives back what a request took that was refused further inside, and says
    /// what is to be said.
    fn answer<B>(&self, fields: Self::Pass, response: &mut Response<B>) {
        if is_refusal(response) {
            self.limiter.give_back(&fields.debits);
        }
        let (policies, older) = match fields.seldom.map(|seldom| *seldom) {
            Some(Seldom { policies, older }) => (policies, older),
            None => (None, Vec::new()),
        };
        if let Some(field) = fields.limits {
            // Both are lists: an inner limit may have said its own.
            let headers = response.headers_mut();
            headers.append(RATE_LIMIT, field);
            if let Some(policies) = policies.or_else(|| self.limiter.advertised()) {
                headers.append(RATE_LIMIT_POLICY, policies);
            }
        }
        if !older.is_empty() {
            older::tell(older, response);
        }
    }
}

/// Tells the record of a request that passes, and what its answer says.
#[inline]
fn noted(usual: Usual, mode: Mode) -> Fields {
    let decided = usual.decided();
    current::with(|record| {
        record.decision = Some(match record.decision {
            None => decided,
            Some(other) => decided.or_graver(Some(other)),
        });
    });
    Fields {
        limits: usual.field.filter(|_| mode == Mode::Enforce),
        seldom: None,
        debits: usual.debits,
    }
}

/// Whether a part of ours refused the request before anything was done for it.
#[inline]
pub(crate) fn is_refusal<B>(response: &Response<B>) -> bool {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return false;
    }
    let refusal = response.extensions().get::<Refusal>();
    refusal.is_some_and(|refusal| refusal.is_before_work())
}

impl LimitGate {
    /// What the limits may do to the request being polled here: nothing on a
    /// route that is not limited.
    pub(crate) fn mode(&self) -> Mode {
        match self.rollout.mode(Part::Limit) {
            Mode::Off => Mode::Off,
            mode => {
                let exempt = |route| self.rollout.is_unlimited(route);
                let exempt = current::with(|record| exempt(record.route));
                if exempt.unwrap_or_default() {
                    return Mode::Off;
                }
                mode
            }
        }
    }

    /// Why a request does not pass, if it doesn't, and what its answer says of
    /// the limits. `closed` stands in for a decision that nobody could make.
    pub(crate) fn settle(
        &self,
        answer: Answer,
        closed: Option<Refusal>,
    ) -> (Option<Refusal>, Fields) {
        let route = current::with(|record| {
            if let Some(decided) = answer.decided {
                record.decision = Some(decided.or_graver(record.decision));
            }
            record.route
        });
        let denied = answer.denied.map(Denied::refusal);
        let route = route.unwrap_or(value::UNMATCHED);
        let refusal = denied.or(closed);
        let refusal = refusal.filter(|_| self.rollout.acts(Part::Limit, route));
        let tells = refusal.is_some() || self.rollout.mode(Part::Limit) == Mode::Enforce;
        let fields = if tells {
            Fields::of(answer)
        } else {
            Fields {
                debits: answer.debits,
                ..Fields::default()
            }
        };
        (refusal, fields)
    }
}
