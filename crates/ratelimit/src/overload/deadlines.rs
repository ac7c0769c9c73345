//! Requests whose caller would be gone before the answer is ready.

use http::{HeaderName, Request};
use plimsoll_core::{Clock, current, deadline};

use super::classes::Arrived;
use super::heads::{Heads, Slot};
use super::{Overload, OverloadError};

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// What callers say of their deadlines, and how long heads took lately.
#[derive(Debug)]
pub(crate) struct Deadlines {
    header: Option<HeaderName>,
    of_anyone: bool,
    clock: Clock,
    heads: Heads,
}

/// A request with a deadline, until its head is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timed {
    slot: Option<Slot>,
    started: u64,
    /// The route's heads took longer lately than the caller waits.
    pub(crate) too_late: bool,
}

impl Deadlines {
    pub(super) fn of(overload: &Overload) -> Result<Self, OverloadError> {
        Ok(Self {
            header: overload.deadline_header.name()?,
            of_anyone: overload.deadlines_of_anyone,
            clock: overload.clock.clone(),
            heads: Heads::default(),
        })
    }

    /// Reads the deadline of a request, if it has one that counts, and notes it
    /// on the record.
    pub(crate) fn read<B>(&self, request: &Request<B>, arrived: &Arrived) -> Option<Timed> {
        if !(arrived.trusted || self.of_anyone) {
            return None;
        }
        let headers = request.headers();
        let named = self.header.as_ref().and_then(|name| headers.get(name));
        let allowed = named.and_then(deadline::millis).or_else(|| {
            let told = headers.get(&GRPC_TIMEOUT)?;
            deadline::grpc(told)
        })?;
        let started = arrived.started.unwrap_or_else(|| self.clock.now());
        current::with(|record| record.deadline = Some(started.saturating_add(allowed)));
        let slot = self.heads.slot(arrived.route);
        let usual = slot.and_then(|slot| self.heads.median(slot, started));
        Some(Timed {
            slot,
            started,
            too_late: allowed == 0 || usual.is_some_and(|usual| allowed < usual),
        })
    }

    /// The head of a request is there, or it was cut without one.
    pub(crate) fn ended(&self, timed: Timed) {
        if let Some(slot) = timed.slot {
            let now = self.clock.now();
            self.heads
                .observe(slot, now, now.saturating_sub(timed.started));
        }
    }
}
