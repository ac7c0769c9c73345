//! The calls that wait at one place, and whose turn is next.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

/// Most calls that wait at one place.
pub(super) const MAX_WAITING: usize = 4_096;

/// A call's place in the queue. Whoever holds it gives it back.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    /// Told when it may be this call's turn.
    pub(super) called: Arc<Notify>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    since: u64,
    called: Arc<Notify>,
}

/// The oldest is next. Callers that give up show that they wait less long than
/// their patience: a call that is sent just before its caller leaves is wasted.
/// So for as long as the last one that gave up had waited, the newest is next.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By number.
    waiters: VecDeque<Waiter>,
    numbers: u64,
    newest_until: u64,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiters.len() >= MAX_WAITING
    }

    /// How many go before one that joins now.
    pub(super) fn ahead(&self, now: u64) -> usize {
        if self.newest_first(now) {
            return 0;
        }
        self.waiters.len()
    }

    pub(super) fn join(&mut self, now: u64) -> Ticket {
        self.numbers += 1;
        let (number, called) = (self.numbers, Arc::new(Notify::new()));
        self.waiters.push_back(Waiter {
            number,
            since: now,
            called: Arc::clone(&called),
        });
        Ticket { number, called }
    }

    pub(super) fn is_next(&self, ticket: &Ticket, now: u64) -> bool {
        self.next(now)
            .is_some_and(|next| next.number == ticket.number)
    }

    /// Calls the one whose turn is next, to look whether it has come.
    pub(super) fn call_next(&self, now: u64) {
        if let Some(next) = self.next(now) {
            next.called.notify_one();
        }
    }

    /// Its wait is over; the next one is called.
    pub(super) fn leave(&mut self, ticket: &Ticket, now: u64) {
        self.remove(ticket);
        self.call_next(now);
    }

    /// Its caller waits no longer, unless its wait is over already.
    pub(super) fn give_up(&mut self, ticket: &Ticket, now: u64) {
        if let Some(gone) = self.remove(ticket) {
            self.newest_until = now.saturating_add(now.saturating_sub(gone.since));
        }
        self.call_next(now);
    }

    fn newest_first(&self, now: u64) -> bool {
        now < self.newest_until
    }

    fn next(&self, now: u64) -> Option<&Waiter> {
        if self.newest_first(now) {
            return self.waiters.back();
        }
        self.waiters.front()
    }

    fn remove(&mut self, ticket: &Ticket) -> Option<Waiter> {
        let number = |waiter: &Waiter| waiter.number;
        let at = self.waiters.binary_search_by_key(&ticket.number, number);
        self.waiters.remove(at.ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn the_oldest_is_next_and_where_callers_give_up_the_newest() {
        let mut queue = Queue::default();
        let [first, second, third] = [0, 10, 20].map(|now| queue.join(now));
        assert!(queue.is_next(&first, 20));
        assert_eq!(queue.ahead(20), 3);
        queue.leave(&first, 30);
        assert!(queue.is_next(&second, 30));
        let left = queue.join(40);
        queue.give_up(&left, 50);
        // It had waited for ten.
        assert!(queue.is_next(&third, 59));
        assert_eq!(queue.ahead(59), 0);
        assert!(queue.is_next(&second, 60));
        assert_eq!(queue.ahead(60), 2);
    }

    #[test]
    fn a_ticket_is_given_back_once() {
        let mut queue = Queue::default();
        let [first, second] = [0, 0].map(|now| queue.join(now));
        queue.leave(&first, 100);
        queue.give_up(&first, 100);
        assert!(queue.is_next(&second, 100), "no caller gave up");
        queue.leave(&second, 100);
        assert!(queue.is_empty());
    }

    #[test]
    fn whoever_goes_or_gives_up_calls_the_next() {
        let was_called = |ticket: &Ticket| ticket.called.notified().now_or_never().is_some();
        let mut queue = Queue::default();
        let [first, second, third] = [0, 0, 0].map(|now| queue.join(now));
        queue.leave(&first, 0);
        assert!(was_called(&second) && !was_called(&third));
        queue.give_up(&second, 0);
        assert!(was_called(&third));
    }
}
