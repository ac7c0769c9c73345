//! One request on its way through several limits.

use plimsoll_core::Mode;

use super::debit::Debits;
use super::decide::Said;
use super::subject::Found;
use super::telling::{Answer, Telling};
use super::{Inner, MAX_LIMITS, Policy};
use crate::answers::Answers;
use crate::headers::Field;

pub(super) struct Pass<'a> {
    policies: &'a [Policy],
    answers: &'a Answers,
    keys: &'a [Option<Found>; MAX_LIMITS],
    now: u64,
    said: [Option<Said>; MAX_LIMITS],
    denied: bool,
}

impl<'a> Pass<'a> {
    pub(super) fn new(limiter: &'a Inner, keys: &'a [Option<Found>; MAX_LIMITS], now: u64) -> Self {
        Self {
            policies: &limiter.policies,
            answers: &limiter.answers,
            keys,
            now,
            said: [None; MAX_LIMITS],
            denied: false,
        }
    }

    /// Asks all limits, and if none refuses takes the cells of all that allow.
    pub(super) fn ask(&mut self) {
        for (at, policy) in self.policies.iter().enumerate() {
            let Some(found) = self.keys[at] else { continue };
            let store = &policy.store;
            let decision = store.peek(found.id, found.gcra, found.cost, self.now);
            let said = Said::of(decision, &found);
            self.denied |= said.denies();
            self.said[at] = Some(said);
        }
        if !self.denied {
            self.take();
        }
        if self.denied {
            self.say_what_is_left();
        }
    }

    /// Takes the cells. When a limit was used up since it was asked, those
    /// before it get theirs back.
    fn take(&mut self) {
        for (at, policy) in self.policies.iter().enumerate() {
            let Some((found, said)) = allowed(self.keys[at], &mut self.said[at]) else {
                continue;
            };
            said.decision = policy
                .store
                .decide(found.id, found.gcra, found.cost, self.now);
            if said.denies() {
                self.denied = true;
                self.give_back(at);
                return;
            }
        }
    }

    /// Gives back what the limits before this one took.
    fn give_back(&mut self, end: usize) {
        for (at, policy) in self.policies.iter().enumerate().take(end) {
            if let Some((found, _)) = allowed(self.keys[at], &mut self.said[at]) {
                policy
                    .store
                    .refund(found.id, found.gcra, found.cost, self.now);
            }
        }
    }

    /// Another limit said no: those that would have allowed say what they have.
    fn say_what_is_left(&mut self) {
        for (at, policy) in self.policies.iter().enumerate() {
            if let Some((found, said)) = allowed(self.keys[at], &mut self.said[at]) {
                said.decision = policy.store.peek(found.id, found.gcra, 0, self.now);
            }
        }
    }

    /// Counts what was said and puts it together.
    pub(super) fn answer(&self, mode: Mode) -> Answer {
        let mut field = Field::default();
        let mut telling = Telling::new(mode, self.answers);
        telling.denied = self.denied;
        for ((policy, said), found) in self.policies.iter().zip(&self.said).zip(self.keys) {
            telling.tell(policy, said.as_ref(), &mut field);
            if let (Some(found), Some(said)) = (found, said) {
                policy.note(found, said, self.now, self.denied);
            }
        }
        if !self.denied {
            let all = self.keys.iter().zip(&self.said);
            let decided = all.map(|(found, said)| Some(((*found)?, said.as_ref()?.decision)));
            telling.took(Debits::of_several(decided));
        }
        telling.done(&field, || {
            self.policies.iter().zip(self.keys.iter().copied())
        })
    }
}

/// The key and the word of a limit that allows the request.
fn allowed(found: Option<Found>, said: &mut Option<Said>) -> Option<(Found, &mut Said)> {
    found.zip(said.as_mut().filter(|said| said.decision.allows()))
}
