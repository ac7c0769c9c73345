//! The decision of all limits on one request.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Request};
use plimsoll_core::Mode;

use super::subject::{Found, Subject};
use super::{Inner, Label, Limiter, MAX_LIMITS, Policy};
use crate::gcra::{Decision, Verdict};
use crate::headers::{self, Field};

/// What the limits say of one request.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The denial that the client has to wait for longest; `None` when the request passes.
    pub denied: Option<Denied>,
    /// The tightest policy and what it decided.
    pub tightest: Option<(&'static str, &'static str)>,
    /// The value of `RateLimit`; `None` when no limit counted the request.
    pub field: Option<HeaderValue>,
}

/// A denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    /// The policy that said no.
    pub policy: &'static str,
    /// How long until this policy would say yes to the same request.
    pub retry_after: Duration,
}

/// What one limit says, before any other is asked.
#[derive(Clone, Copy)]
struct Said {
    decision: Decision,
    unnamed_proxy: bool,
}

/// One request on its way through the limits.
struct Pass<'a> {
    limiter: &'a Inner,
    keys: [Option<Found>; MAX_LIMITS],
    now: u64,
    said: [Option<Said>; MAX_LIMITS],
    denied: bool,
}

impl Limiter {
    /// Decides a request and counts it. `mode` tells what the caller will do
    /// with a denial, for the counts; [`Mode::Off`] decides nothing.
    pub fn decide(&self, parts: &Parts, mode: Mode) -> Answer {
        self.decide_subject(&Subject::of(parts, &self.0), mode, None)
    }

    /// The same by the request itself, which is given back as it was, at a
    /// reading of the limiter's clock that the caller has already.
    pub(crate) fn decide_request<B>(
        &self,
        request: &mut Request<B>,
        mode: Mode,
        now: Option<u64>,
    ) -> Answer {
        if !self.0.needs_parts {
            let (headers, extensions) = (request.headers(), request.extensions());
            let subject = Subject::told(headers, extensions, &self.0);
            return self.decide_subject(&subject, mode, now);
        }
        let mut parts = Request::new(()).into_parts().0;
        exchange(&mut parts, request);
        let answer = self.decide_subject(&Subject::of(&parts, &self.0), mode, now);
        exchange(&mut parts, request);
        answer
    }

    fn decide_subject(&self, subject: &Subject<'_>, mode: Mode, now: Option<u64>) -> Answer {
        let limiter = &*self.0;
        if mode == Mode::Off || limiter.policies.is_empty() {
            return Answer::default();
        }
        // A caller's own code and log lines run here, before any lock is held.
        if let [policy] = &*limiter.policies {
            let found = subject.key(policy, limiter);
            let now = now.unwrap_or_else(|| limiter.clock.now());
            return alone(policy, found, now, mode);
        }
        let mut keys = [None; MAX_LIMITS];
        for (key, policy) in keys.iter_mut().zip(&limiter.policies) {
            *key = subject.key(policy, limiter);
        }
        let mut pass = Pass {
            limiter,
            keys,
            now: now.unwrap_or_else(|| limiter.clock.now()),
            said: [None; MAX_LIMITS],
            denied: false,
        };
        pass.ask(0);
        pass.answer(mode)
    }
}

/// The decision of an only limit, as most services have: no list to go through.
fn alone(policy: &Policy, found: Option<Found>, now: u64, mode: Mode) -> Answer {
    let said = found.map(|found| {
        let mut cell = policy.store.lock(found.id, now);
        let tat = cell.tat();
        let (decision, kept) = policy.gcra.decide(tat, cell.now(), policy.cost);
        if decision.allows() || kept < tat {
            cell.keep(kept);
        }
        Said {
            decision,
            unnamed_proxy: found.unnamed_proxy,
        }
    });
    let denied = |said: &Said| !said.decision.allows() && !said.unnamed_proxy;
    let mut field = Field::default();
    let mut telling = Telling::new(mode);
    telling.denied = said.as_ref().is_some_and(denied);
    telling.tell(policy, said.as_ref(), &mut field);
    telling.done(&field)
}

/// Exchanges the heads: a closure wants one whole, and no request lends it.
fn exchange<B>(parts: &mut Parts, request: &mut Request<B>) {
    std::mem::swap(&mut parts.method, request.method_mut());
    std::mem::swap(&mut parts.uri, request.uri_mut());
    std::mem::swap(&mut parts.version, request.version_mut());
    std::mem::swap(&mut parts.headers, request.headers_mut());
    std::mem::swap(&mut parts.extensions, request.extensions_mut());
}

impl Pass<'_> {
    /// Asks the limits from `at` on, and says whether all of them allow. Each
    /// holds its key's lock until the last has answered.
    fn ask(&mut self, at: usize) -> bool {
        let Some(policy) = self.limiter.policies.get(at) else {
            return !self.denied;
        };
        let Some(found) = self.keys[at] else {
            return self.ask(at + 1);
        };
        let mut cell = policy.store.lock(found.id, self.now);
        let tat = cell.tat();
        let (decision, kept) = policy.gcra.decide(tat, cell.now(), policy.cost);
        let mut said = Said {
            decision,
            unnamed_proxy: found.unnamed_proxy,
        };
        self.denied |= !decision.allows() && !said.unnamed_proxy;
        let all_allow = self.ask(at + 1);
        if all_allow && decision.allows() {
            cell.keep(kept);
        } else if decision.allows() {
            // Another limit said no: this one counts nothing and says what it still has.
            said.decision = policy.gcra.decide(tat, cell.now(), 0).0;
        } else if kept < tat {
            cell.keep(kept);
        }
        self.said[at] = Some(said);
        all_allow
    }

    /// Counts what was said and puts it together.
    fn answer(&self, mode: Mode) -> Answer {
        let mut field = Field::default();
        let mut telling = Telling::new(mode);
        telling.denied = self.denied;
        for (policy, said) in self.limiter.policies.iter().zip(&self.said) {
            telling.tell(policy, said.as_ref(), &mut field);
        }
        telling.done(&field)
    }
}

/// The answer as it is put together.
struct Telling {
    mode: Mode,
    /// Whether a limit refuses the request.
    denied: bool,
    answer: Answer,
    /// Cells left of the tightest limit so far.
    least: u32,
}

impl Telling {
    fn new(mode: Mode) -> Self {
        Self {
            mode,
            denied: false,
            answer: Answer::default(),
            least: u32::MAX,
        }
    }

    fn tell(&mut self, policy: &Policy, said: Option<&Said>, field: &mut Field) {
        let Some(said) = said else {
            policy.count(Label::NoKey);
            return;
        };
        let label = match said.decision.verdict {
            Verdict::Allow => Label::Allow,
            _ if said.unnamed_proxy => Label::ObservedUnnamedProxy,
            _ if self.mode == Mode::Enforce => Label::Deny,
            _ => Label::Observed,
        };
        if label != Label::Allow || !self.denied {
            policy.count(label);
        }
        if !said.unnamed_proxy {
            headers::limit_item(field, policy.name, &said.decision);
        }
        let answer = &mut self.answer;
        if let (Verdict::Deny { retry_after }, false) = (said.decision.verdict, said.unnamed_proxy)
        {
            let retry_after = Duration::from_nanos(retry_after);
            if answer.denied.is_none_or(|d| d.retry_after < retry_after) {
                answer.denied = Some(Denied {
                    policy: policy.name,
                    retry_after,
                });
                answer.tightest = Some((policy.name, label.as_str()));
            }
        } else if answer.denied.is_none() && said.decision.remaining < self.least {
            self.least = said.decision.remaining;
            answer.tightest = Some((policy.name, label.as_str()));
        }
    }

    fn done(mut self, field: &Field) -> Answer {
        self.answer.field = headers::value(field);
        self.answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Limit, Quota};
    use http::Request;
    use plimsoll_core::Clock;
    use plimsoll_core::peer::{PeerAddr, Trust};
    use std::sync::{Arc, OnceLock, mpsc};

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
        assert_eq!(denied.retry_after, Duration::from_secs(30));
        assert_eq!(counted(&limiter, "wide", Label::Allow), 2);
        assert_eq!(counted(&limiter, "tight", Label::Deny), 49);

        hand.advance(denied.retry_after);
        let answer = limiter.decide(&parts, Mode::Enforce);
        assert_eq!(answer.denied, None);
        assert_eq!(
            answer.field.unwrap(),
            r#""wide";r=97;t=3522, "tight";r=0;t=30"#
        );
        assert_eq!(answer.tightest, Some(("tight", "allow")));
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
        for policy in ["one", "two", "three"] {
            assert_eq!(counted(&limiter, policy, Label::Allow), 300, "{policy}");
        }
        let left = limiter.decide(&request("203.0.113.9", &[]), Mode::Enforce);
        let field = left.field.unwrap();
        assert!(
            field.to_str().unwrap().starts_with(r#""one";r=200;"#),
            "{field:?}"
        );
    }
}
