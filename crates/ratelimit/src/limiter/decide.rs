//! The decision of all limits on one request.

use std::net::IpAddr;

use http::Request;
use http::request::Parts;
use plimsoll_core::Mode;

use super::debit::Debits;
use super::pass::Pass;
use super::subject::{Found, Stance, Subject};
use super::telling::{Answer, Denied, Telling};
use super::usual::{Usual, Word};
use super::{Inner, Limiter, MAX_LIMITS, Policy};
use crate::answers::{Form, PartitionKey};
use crate::findings::{self, Finding};
use crate::gcra::Decision;
use crate::headers::Field;

/// What one limit says, before any other is asked.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) decision: Decision,
    pub(super) stance: Stance,
    /// Whether the key is told a policy that not everybody is told.
    pub(super) own: bool,
    pub(super) partition: Option<PartitionKey>,
}

impl Said {
    pub(super) fn of(decision: Decision, found: &Found) -> Self {
        Self {
            decision,
            stance: found.stance,
            own: found.plan.is_some() || found.partition.is_some(),
            partition: found.partition,
        }
    }

    /// Whether it keeps the request from passing.
    pub(super) fn denies(&self) -> bool {
        !self.decision.allows() && self.stance == Stance::Enforces
    }
}

impl Limiter {
    /// Decides a request and counts it. `mode` tells what the caller will do
    /// with a denial, for the counts; [`Mode::Off`] decides nothing.
    pub fn decide(&self, parts: &Parts, mode: Mode) -> Answer {
        self.decide_subject(&Subject::of(parts, &self.0), mode, None)
            .answer()
    }

    /// The same by the request itself, which is given back as it was, at a
    /// reading of the limiter's clock that the caller has already. `client` is
    /// the current record's.
    pub(crate) fn decide_request<B>(
        &self,
        request: &mut Request<B>,
        mode: Mode,
        now: Option<u64>,
        client: Option<IpAddr>,
    ) -> Word {
        if !self.0.needs_parts {
            let (headers, extensions) = (request.headers(), request.extensions());
            let subject = Subject::told(headers, extensions, client, &self.0);
            return self.decide_subject(&subject, mode, now);
        }
        let mut parts = Request::new(()).into_parts().0;
        exchange(&mut parts, request);
        let word = self.decide_subject(&Subject::of(&parts, &self.0), mode, now);
        exchange(&mut parts, request);
        word
    }

    #[inline]
    fn decide_subject(&self, subject: &Subject<'_>, mode: Mode, now: Option<u64>) -> Word {
        let limiter = &*self.0;
        // A caller's own code and log lines run here, before any lock is held.
        if let [policy] = &*limiter.policies
            && mode != Mode::Off
        {
            let found = subject.key(policy, limiter);
            let now = now.unwrap_or_else(|| limiter.clock.now());
            return alone(limiter, policy, found, subject, now, mode);
        }
        Word::Other(self.decide_all(subject, mode, now))
    }

    #[inline(never)]
    fn decide_all(&self, subject: &Subject<'_>, mode: Mode, now: Option<u64>) -> Answer {
        let limiter = &*self.0;
        if mode == Mode::Off || limiter.policies.is_empty() {
            return Answer::default();
        }
        let mut keys = [None; MAX_LIMITS];
        for (key, policy) in keys.iter_mut().zip(&limiter.policies) {
            *key = subject.key(policy, limiter);
        }
        let now = now.unwrap_or_else(|| limiter.clock.now());
        let mut pass = Pass::new(limiter, &keys, now);
        pass.ask();
        let answer = pass.answer(mode);
        look_at_answer(&answer, subject, limiter);
        answer
    }
}

/// Says so when a client that is refused may be a proxy that nobody named, or
/// asks for what it can never have, and when keys have to share cells.
fn look_at_answer(answer: &Answer, subject: &Subject<'_>, limiter: &Inner) {
    limiter.policies.iter().for_each(look_at_store);
    if let Some(denied) = &answer.denied {
        look_at_denied(denied, subject, limiter);
    }
}

#[inline]
fn look_at_store(policy: &Policy) {
    if policy.store.is_newly_coarse() {
        findings::tell(Finding::CoarseKeys, policy.name);
    }
}

#[inline(never)]
fn look_at_denied(denied: &Denied, subject: &Subject<'_>, limiter: &Inner) {
    if subject.forwards_unasked(limiter) {
        let finding = Finding::UntrustedForwarder;
        limiter.findings.note(finding, denied.policy);
    }
    if denied.retry_after.is_none() {
        limiter.findings.note(Finding::NeverFits, denied.policy);
    }
}

/// The decision of an only limit, as most services have: no list to go through.
#[inline]
fn alone(
    limiter: &Inner,
    policy: &Policy,
    found: Option<Found>,
    subject: &Subject<'_>,
    now: u64,
    mode: Mode,
) -> Word {
    let Some(found) = found else {
        return Word::Other(Answer::default());
    };
    let decision = policy.store.decide(found.id, found.gcra, found.cost, now);
    let usual = found.is_usual() && limiter.answers.form == Form::Draft11;
    if usual && decision.allows() && policy.candidate.is_none() {
        look_at_store(policy);
        return Word::Usual(Usual::of(policy, &found, &decision));
    }
    let answer = tell_alone(limiter, policy, found, decision, now, mode);
    look_at_answer(&answer, subject, limiter);
    Word::Other(answer)
}

#[inline(never)]
fn tell_alone(
    limiter: &Inner,
    policy: &Policy,
    found: Found,
    decision: Decision,
    now: u64,
    mode: Mode,
) -> Answer {
    let said = Said::of(decision, &found);
    let mut field = Field::default();
    let mut telling = Telling::new(mode, &limiter.answers);
    telling.denied = said.denies();
    telling.tell(policy, Some(&said), &mut field);
    policy.note(&found, &said, now, telling.denied);
    telling.took(Debits::of_one(&found, &said.decision));
    telling.done(&field, || std::iter::once((policy, Some(found))))
}

/// Exchanges the heads: a closure wants one whole, and no request lends it.
pub(super) fn exchange<B>(parts: &mut Parts, request: &mut Request<B>) {
    std::mem::swap(&mut parts.method, request.method_mut());
    std::mem::swap(&mut parts.uri, request.uri_mut());
    std::mem::swap(&mut parts.version, request.version_mut());
    std::mem::swap(&mut parts.headers, request.headers_mut());
    std::mem::swap(&mut parts.extensions, request.extensions_mut());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Label;
    use crate::{Key, Limit, Quota};

    use http::Request;
    use plimsoll_core::Clock;
    use plimsoll_core::peer::{PeerAddr, Trust};
    use std::sync::{Arc, OnceLock, mpsc};
    use std::time::Duration;

    fn request(peer: &str, headers: &[(&str, &str)]) -> Parts {
        let peer = PeerAddr(format!("{peer}:4711").parse().unwrap());
        let mut request = Request::builder().extension(peer);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn counted(limiter: &Limiter, policy: &str, label: Label) -> u64 {
        let stats = limiter.stats();
        let same =
            |stat: &&super::super::Stat| stat.policy == policy && stat.decision == label.as_str();
        stats.iter().find(same).unwrap().count
    }

    #[test]
    fn a_denial_of_one_limit_costs_the_others_nothing() {
        let (clock, hand) = Clock::manual();
        let wide = Limit::per_client()
            .named("wide")
            .quota(Quota::per_hour(100));
        let tight = Limit::per_client()
            .named("tight")
            .quota(Quota::per_minute(2));
        let limiter = Limiter::new([wide, tight], clock, Trust::nobody()).unwrap();
        let parts = request("203.0.113.9", &[]);
        for _ in 0..50 {
            limiter.decide(&parts, Mode::Enforce);
        }
        let denied = limiter.decide(&parts, Mode::Enforce).denied.unwrap();
        assert_eq!(denied.policy, "tight");
        let wait = denied.retry_after.unwrap();
        assert_eq!(wait, Duration::from_secs(30));
        assert_eq!(counted(&limiter, "wide", Label::Allow), 2);
        assert_eq!(counted(&limiter, "tight", Label::Deny), 49);

        hand.advance(wait);
        let answer = limiter.decide(&parts, Mode::Enforce);
        assert_eq!(answer.denied, None);
        assert_eq!(
            answer.field.unwrap(),
            r#""wide";r=97;t=3522, "tight";r=0;t=30"#
        );
        let decided = answer.decided.unwrap();
        assert_eq!((decided.policy, decided.decision), ("tight", "allow"));
    }

    #[test]
    fn behind_a_proxy_that_nobody_named_the_limit_only_observes() {
        let limit = || Limit::per_client().quota(Quota::per_minute(1));
        let parts = request("10.0.0.7", &[("x-forwarded-for", "203.0.113.9")]);

        let blind = Limiter::new([limit()], Clock::manual().0, Trust::nobody()).unwrap();
        for _ in 0..5 {
            let answer = blind.decide(&parts, Mode::Enforce);
            assert_eq!((answer.denied, answer.field), (None, None));
        }
        let label = Label::ObservedUnnamedProxy;
        assert_eq!(counted(&blind, "per-client", label), 4);

        let named = "private".parse().unwrap();
        let seeing = Limiter::new([limit()], Clock::manual().0, named).unwrap();
        assert!(seeing.decide(&parts, Mode::Enforce).denied.is_none());
        assert!(seeing.decide(&parts, Mode::Enforce).denied.is_some());
        let other = request("10.0.0.7", &[("x-forwarded-for", "203.0.113.10")]);
        assert!(seeing.decide(&other, Mode::Enforce).denied.is_none());
    }

    #[test]
    fn a_limit_that_only_observes_holds_no_other_back() {
        let blind = Limit::per_client().quota(Quota::per_minute(1));
        let sure = Limit::by(|_| Some(Key::Number(1))).quota(Quota::per_minute(3));
        let limits = [blind, sure];
        let limiter = Limiter::new(limits, Clock::manual().0, Trust::nobody()).unwrap();
        let parts = request("10.0.0.7", &[("forwarded", "for=203.0.113.9")]);
        let passed = |_: &u32| limiter.decide(&parts, Mode::Enforce).denied.is_none();
        assert_eq!((0..5).filter(passed).count(), 3);
        assert_eq!(counted(&limiter, "by-key", Label::Allow), 3);
        assert_eq!(counted(&limiter, "by-key", Label::Deny), 2);
    }

    #[test]
    fn each_source_finds_its_key() {
        let by_header = Limit::by_header("X-Api-Key").quota(Quota::per_minute(1));
        let by_path = Limit::by(|parts| parts.uri.path().strip_prefix("/t/").map(Key::from))
            .quota(Quota::per_minute(1));
        for limit in [by_header, by_path] {
            let limiter = Limiter::new([limit], Clock::manual().0, Trust::nobody()).unwrap();
            let asks = |peer, key: &str| {
                let mut parts = request(peer, &[("x-api-key", key)]);
                parts.uri = format!("/t/{key}").parse().unwrap();
                limiter.decide(&parts, Mode::Enforce).denied.is_none()
            };
            assert!(asks("203.0.113.1", "a"));
            assert!(asks("203.0.113.1", "b"));
            assert!(!asks("203.0.113.2", "a"));
        }
    }

    #[test]
    fn a_closure_that_finds_keys_runs_before_any_lock_is_held() {
        let own = Arc::new(OnceLock::<Limiter>::new());
        let seen = Arc::clone(&own);
        let first = Limit::per_client().quota(Quota::per_minute(1));
        // Takes every lock of the limiter that asks it.
        let second = Limit::by(move |_| seen.get()?.coarsened().pop().map(|row| Key::from(row.0)))
            .quota(Quota::per_minute(1));
        let limits = [first, second];
        let limiter = Limiter::new(limits, Clock::manual().0, Trust::nobody()).unwrap();
        own.set(limiter.clone()).unwrap();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let parts = request("203.0.113.9", &[]);
            sender.send(limiter.decide(&parts, Mode::Enforce).field)
        });
        let field = receiver.recv_timeout(Duration::from_secs(10));
        let field = field.expect("the closure waits for a lock of its own limiter");
        assert_eq!(
            field.unwrap(),
            r#""per-client";r=0;t=60, "by-key";r=0;t=60"#
        );
    }

    #[test]
    fn without_the_header_the_client_is_counted_and_without_a_key_nobody() {
        let limit = Limit::by_header("x-api-key").quota(Quota::per_minute(1));
        let limiter = Limiter::new([limit], Clock::manual().0, Trust::nobody()).unwrap();
        let parts = request("[2001:db8::1]", &[]);
        assert!(limiter.decide(&parts, Mode::Enforce).denied.is_none());
        let neighbour = request("[2001:db8::2]", &[]);
        assert!(limiter.decide(&neighbour, Mode::Enforce).denied.is_some());

        let unknown = Request::new(()).into_parts().0;
        for _ in 0..3 {
            assert!(limiter.decide(&unknown, Mode::Enforce).denied.is_none());
        }
        assert_eq!(counted(&limiter, "by-x-api-key", Label::NoKey), 3);
    }

    #[test]
    fn faults_in_the_limits_are_refused_with_the_fix() {
        let good = || Limit::per_client().quota(Quota::per_second(5));
        for (limits, part) in [
            (vec![Limit::per_client()], "add `.quota("),
            (vec![good(), good()], "`.named(..)`"),
            (vec![good().cost(6)], "use 1 to 5"),
            (vec![good().named("Per Client")], "lower-case"),
            (
                vec![
                    Limit::by_header("a b")
                        .named("key")
                        .quota(Quota::per_second(1)),
                ],
                "no header name",
            ),
            (vec![good().quota(Quota::per_second(0))], "at least 1"),
        ] {
            let error = Limiter::new(limits, Clock::system(), Trust::nobody()).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn threads_with_several_limits_admit_all_or_nothing() {
        let limit = |name: &str, burst| {
            Limit::per_client()
                .named(name)
                .quota(Quota::per_hour(1).burst(burst))
        };
        let limits = [limit("one", 500), limit("two", 300), limit("three", 400)];
        let limiter = Limiter::new(limits, Clock::manual().0, Trust::nobody()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let parts = request("203.0.113.9", &[]);
                    for _ in 0..500 {
                        limiter.decide(&parts, Mode::Enforce);
                    }
                });
            }
        });
        // What other threads took in advance and left is called in, cell by cell.
        let parts = request("203.0.113.9", &[]);
        while limiter.decide(&parts, Mode::Enforce).denied.is_none() {}
        for policy in ["one", "two", "three"] {
            assert_eq!(counted(&limiter, policy, Label::Allow), 300, "{policy}");
        }
        let left = limiter.decide(&parts, Mode::Enforce).field.unwrap();
        let left = left.to_str().unwrap();
        let of_one = left
            .strip_prefix(r#""one";r="#)
            .and_then(|rest| rest.split_once(';'));
        let of_one: u32 = of_one.unwrap().0.parse().unwrap();
        // A sixteenth of a burst may lie with the threads.
        assert!((200 - 500 / 16..=200).contains(&of_one), "{left}");
    }
}
