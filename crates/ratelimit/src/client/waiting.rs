//! A call's wait for its turn.

use std::time::Duration;

use tokio::time::timeout_at;

use super::PacingError;
use super::counts::Event;
use super::future::{Call, lock};
use super::pace::{Joined, Turn};
use super::queue::Ticket;

impl Call {
    /// Waits until the request may go. Given up, it gives its turn to the next.
    pub(super) async fn wait_for_a_cell<E>(&self) -> Result<UnderWay<'_>, PacingError<E>> {
        let shared = &*self.shared;
        let joined = lock(&shared.paces).join(&self.place, shared.now(), self.until);
        let ticket = match joined {
            Joined::Goes(number) => return Ok(self.under_way(number)),
            Joined::Untracked => {
                shared.counts.count(Event::Untracked);
                return Ok(UnderWay { paced: None });
            }
            Joined::TooLong(wait) => return Err(self.too_long(wait)),
            Joined::Full => {
                shared.counts.count(Event::Full);
                return Err(PacingError::Full);
            }
            Joined::Waits(ticket) => ticket,
        };
        shared.counts.count(Event::Waited);
        let waiting = Waiting { call: self, ticket };
        loop {
            let ticket = &waiting.ticket;
            let turn = lock(&shared.paces).turn(&self.place, ticket, shared.now(), self.until);
            match turn {
                Turn::Goes(number) => return Ok(self.under_way(number)),
                Turn::TooLong(wait) => return Err(self.too_long(wait)),
                // Whether the time is over or it was called: it looks again.
                Turn::At(reading) => {
                    let at = shared.instant(reading);
                    let _ = timeout_at(at, ticket.called.notified()).await;
                }
            }
        }
    }

    fn under_way(&self, number: u64) -> UnderWay<'_> {
        UnderWay {
            paced: Some((self, number)),
        }
    }

    fn too_long<E>(&self, wait: u64) -> PacingError<E> {
        self.shared.counts.count(Event::TooLong);
        PacingError::TooLong {
            wait: Duration::from_nanos(wait),
        }
    }
}

/// Not sent, and waiting for its turn.
struct Waiting<'a> {
    call: &'a Call,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Call { shared, place, .. } = self.call;
        lock(&shared.paces).give_up(place, &self.ticket, shared.now());
    }
}

/// Sent, or about to be, and not answered.
pub(super) struct UnderWay<'a> {
    /// Whose it is, and which of its place's requests.
    paced: Option<(&'a Call, u64)>,
}

impl UnderWay<'_> {
    /// No longer under way: it is answered. The number for what the answer tells;
    /// of no use to a place that is not paced.
    pub(super) fn answered(self) -> u64 {
        self.paced.map_or(0, |(_, number)| number)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some((call, number)) = self.paced {
            lock(&call.shared.paces).over(&call.place, number);
        }
    }
}
