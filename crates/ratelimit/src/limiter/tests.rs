//! Keys, costs, plans and modes, through the limiter's face.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Request};
use plimsoll_core::peer::{PeerAddr, Trust};
use plimsoll_core::record::fresh_ids;
use plimsoll_core::{Clock, Mode, Open, Record, Sink};
use proptest::prelude::*;

use super::{Limiter, Stat};
use crate::answers::{Answers, Form, Jitter, Partition};
use crate::findings::Finding;
use crate::{Key, Limit, PlanTable, Plans, Quota};

fn request(peer: &str, headers: &[(&str, &str)]) -> Parts {
    let peer = PeerAddr(format!("{peer}:4711").parse().unwrap());
    let mut request = Request::builder().extension(peer);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn limiter(limits: impl IntoIterator<Item = Limit>) -> Limiter {
    Limiter::new(limits, Clock::manual().0, Trust::nobody()).unwrap()
}

fn passes(limiter: &Limiter, parts: &Parts) -> bool {
    limiter.decide(parts, Mode::Enforce).denied.is_none()
}

fn found(limiter: &Limiter, finding: Finding) -> u64 {
    let all = limiter.findings();
    let row = all.iter().find(|row| row.finding == finding);
    row.map_or(0, |row| row.count)
}

/// Decides on a request of this route, as within the layer of a whole Plimsoll.
fn on_route(limiter: &Limiter, parts: &Parts, route: &'static str) -> bool {
    struct Nowhere;
    impl Sink for Nowhere {
        fn now(&self) -> u64 {
            1
        }
        fn finish(&self, _: Box<Record>) {}
    }
    let mut record = Record::new(fresh_ids(false), 0);
    record.route = route;
    record.client = parts.extensions.get().map(|peer: &PeerAddr| peer.0.ip());
    let mut open = Open::new(Box::new(record), Arc::new(Nowhere));
    let _entered = open.enter();
    passes(limiter, parts)
}

#[test]
fn an_identity_is_a_key_once_an_outer_layer_knows_it() {
    #[derive(Clone)]
    struct User(u64);
    impl From<&User> for Key {
        fn from(user: &User) -> Self {
            Self::Number(user.0)
        }
    }
    let limiter = limiter([Limit::by_extension::<User>().quota(Quota::per_minute(1))]);
    let as_user = |id| {
        let mut parts = request("203.0.113.1", &[]);
        parts.extensions.insert(User(id));
        passes(&limiter, &parts)
    };
    assert!(as_user(1) && as_user(2));
    assert!(!as_user(1));
    let nobody = request("203.0.113.1", &[]);
    assert!(passes(&limiter, &nobody) && passes(&limiter, &nobody));
}

#[test]
fn joined_sources_count_each_pair_and_no_text_is_two_of_them() {
    let limit = Limit::by_header("a")
        .and(Limit::by_header("b"))
        .quota(Quota::per_minute(1));
    let limiter = limiter([limit]);
    let pair = |a, b| passes(&limiter, &request("203.0.113.1", &[("a", a), ("b", b)]));
    assert!(pair("x", "yz") && pair("xy", "z") && pair("yz", "x"));
    assert!(!pair("x", "yz"));
    assert_eq!(limiter.stats()[0].policy, "by-a-by-b");
}

#[test]
fn a_route_is_a_key_and_has_a_cost() {
    let limit = Limit::per_client()
        .and(Limit::per_route())
        .quota(Quota::per_minute(10))
        .cost_of_route("/export", 10);
    let limiter = limiter([limit]);
    let parts = request("203.0.113.1", &[]);
    assert!(on_route(&limiter, &parts, "/export"));
    assert!(!on_route(&limiter, &parts, "/export"));
    assert!((0..10).all(|_| on_route(&limiter, &parts, "/cards")));
    assert!(!on_route(&limiter, &parts, "/cards"));

    assert!(passes(&limiter, &parts) && passes(&limiter, &parts));
    assert_eq!(found(&limiter, Finding::NoRoute), 2);
}

#[test]
fn a_cost_is_weighed_and_one_over_the_burst_is_never_a_wait() {
    let rows = |parts: &Parts| parts.uri.query()?.strip_prefix("rows=")?.parse().ok();
    let limit = Limit::per_client()
        .quota(Quota::per_minute(10))
        .cost_by(rows);
    let limiter = limiter([limit]);
    let asks = |rows: &str| {
        let mut parts = request("203.0.113.1", &[]);
        parts.uri = format!("/export?{rows}").parse().unwrap();
        limiter.decide(&parts, Mode::Enforce)
    };
    assert!(asks("rows=4").denied.is_none() && asks("").denied.is_none());
    let wait = asks("rows=6").denied.unwrap().retry_after;
    assert_eq!(wait, Some(Duration::from_secs(6)));
    let never = asks("rows=11").denied.unwrap();
    assert_eq!(never.retry_after, None);
    assert_eq!(never.refusal().status(), 400);
    assert_eq!(never.refusal().retry_after_seconds(), None);
    assert_eq!(found(&limiter, Finding::NeverFits), 1);
}

#[test]
fn a_plan_holds_for_its_key_from_the_next_request_and_what_was_used_stays() {
    let table = |quota| PlanTable::new().plan("pro", quota).key("acme", "pro");
    let plans = Plans::new(table(Quota::per_minute(4))).unwrap();
    let limit = Limit::by_header("x-tenant")
        .quota(Quota::per_minute(1))
        .plans(&plans);
    let limiter = limiter([limit]);
    let asks = |tenant| {
        let parts = request("203.0.113.1", &[("x-tenant", tenant)]);
        limiter.decide(&parts, Mode::Enforce)
    };
    let advertised = |answer: super::Answer| answer.advertised.unwrap();
    assert_eq!(advertised(asks("acme")), r#""by-x-tenant";q=4;w=60"#);
    assert!((0..3).all(|_| asks("acme").denied.is_none()));
    assert!(asks("acme").denied.is_some());
    let free = asks("other");
    assert_eq!((free.denied, free.advertised), (None, None));
    assert!(asks("other").denied.is_some());

    plans.replace(table(Quota::per_minute(60))).unwrap();
    // 60 s of the old quota used up: of the new one that is all, so nothing is given away.
    let answer = asks("acme");
    assert_eq!(
        answer.denied.unwrap().retry_after,
        Some(Duration::from_secs(1))
    );
    plans
        .replace(table(Quota::per_minute(60).burst(90)))
        .unwrap();
    assert_eq!(
        (0..40).filter(|_| asks("acme").denied.is_none()).count(),
        30
    );
}

#[test]
fn a_limit_that_observes_is_counted_and_told_to_nobody() {
    let strict = Limit::per_client()
        .named("strict")
        .quota(Quota::per_minute(1));
    let live = Limit::per_client()
        .named("live")
        .quota(Quota::per_minute(3));
    let limiter = limiter([strict.mode(Mode::Observe), live]);
    let parts = request("203.0.113.1", &[]);
    let answer = limiter.decide(&parts, Mode::Enforce);
    assert_eq!(answer.field.unwrap(), r#""live";r=2;t=40"#);
    assert_eq!(answer.advertised.unwrap(), r#""live";q=3;w=60"#);
    assert!(passes(&limiter, &parts) && passes(&limiter, &parts));
    assert!(!passes(&limiter, &parts));
    let count = |policy: &str, decision: &str| {
        let stats = limiter.stats();
        let same = |stat: &&Stat| stat.policy == policy && stat.decision == decision;
        stats.iter().find(same).unwrap().count
    };
    assert_eq!(
        (count("strict", "observed"), count("strict", "deny")),
        (3, 0)
    );
    assert_eq!((count("live", "allow"), count("live", "deny")), (3, 1));

    assert!(limiter.set_mode("live", Mode::Off) && !limiter.set_mode("dead", Mode::Off));
    assert!(passes(&limiter, &parts));
    assert!(limiter.set_mode("strict", Mode::Enforce));
    assert!(!passes(&limiter, &parts));
    assert_eq!(count("live", "allow"), 3);
}

#[test]
fn every_policy_that_said_no_is_named_and_the_longest_wait_is_told() {
    let limit = |name: &str, quota| Limit::per_client().named(name).quota(quota);
    let limits = [
        limit("second", Quota::per_second(1)),
        limit("many", Quota::per_hour(100)),
        limit("minute", Quota::per_minute(1)),
    ];
    let limiter = limiter(limits);
    let parts = request("203.0.113.1", &[]);
    assert!(passes(&limiter, &parts));
    let denied = limiter.decide(&parts, Mode::Enforce).denied.unwrap();
    assert_eq!(denied.policy, "minute");
    assert_eq!(denied.violated, ["second", "minute"]);
    assert_eq!(denied.refusal().violated(), ["second", "minute"]);
}

#[test]
fn what_is_set_up_wrongly_is_found() {
    let wide = Limit::per_client().quota(Quota::per_second(1).burst(30));
    let slow = Limit::per_client()
        .named("slow")
        .quota(Quota::per(1, Duration::from_hours(25)));
    let both = limiter([wide, slow]);
    assert_eq!(found(&both, Finding::WideBurst), 1);
    assert_eq!(found(&both, Finding::LongWait), 1);

    let usual = || limiter([Limit::per_client().quota(Quota::per_second(100).burst(200))]);
    assert_eq!(usual().findings(), []);
    assert!(passes(&usual(), &Request::new(()).into_parts().0));
    let unknown = usual();
    passes(&unknown, &Request::new(()).into_parts().0);
    assert_eq!(found(&unknown, Finding::NoPeer), 1);

    let tight = limiter([Limit::per_client().quota(Quota::per_minute(1))]);
    let parts = request("203.0.113.1", &[("x-forwarded-for", "6.6.6.6")]);
    assert!(passes(&tight, &parts));
    assert_eq!(tight.findings(), []);
    assert!(!passes(&tight, &parts));
    assert_eq!(found(&tight, Finding::UntrustedForwarder), 1);

    let trust: Trust = "private".parse().unwrap();
    let limits = [Limit::per_client().quota(Quota::per_second(9))];
    let proxied = Limiter::new(limits, Clock::manual().0, trust).unwrap();
    let headers = [
        ("x-forwarded-for", "10.0.0.3"),
        ("forwarded", "for=6.6.6.6"),
    ];
    passes(&proxied, &request("10.0.0.1", &headers));
    assert_eq!(found(&proxied, Finding::TwoHeaders), 1);
    assert_eq!(found(&proxied, Finding::ProxyCounted), 1);
}

#[test]
fn sources_and_costs_that_cannot_be_are_refused_with_the_fix() {
    let good = || Limit::per_client().quota(Quota::per_second(5));
    let five = good().and(good()).and(good()).and(good()).and(good());
    for (limit, part) in [
        (good().cost_of_route("/export", 6), "use 1 to 5"),
        (good().cost(0), "use 1 to 5"),
        (good().ipv6_prefix(129), "1 to 128"),
        (good().ipv4_prefix(0), "1 to 32"),
        (five.named("five"), "at most 4 sources"),
    ] {
        let error = Limiter::new([limit], Clock::system(), Trust::nobody()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_candidate_says_whom_it_would_treat_otherwise_and_changes_nothing() {
    let (clock, hand) = Clock::manual();
    let limit = Limit::per_client().quota(Quota::per_minute(6).burst(3));
    let limit = limit.candidate(Quota::per_minute(2));
    let limiter = Limiter::new([limit], clock, Trust::nobody()).unwrap();
    let parts = request("203.0.113.1", &[]);
    let bursts = |times| (0..times).filter(|_| passes(&limiter, &parts)).count();
    assert_eq!(bursts(4), 3);
    let counts = || {
        let report = limiter.report().remove(0);
        let (quota, counts) = report.candidate.unwrap();
        assert_eq!(quota, Quota::per_minute(2));
        counts
            .into_iter()
            .map(|(_, count)| count)
            .collect::<Vec<_>>()
    };
    // Both allow two, the candidate not the third, both refuse the fourth.
    assert_eq!(counts(), [2, 1, 1, 0]);
    hand.advance(Duration::from_secs(30));
    assert_eq!(bursts(3), 3);
    assert_eq!(counts(), [3, 1, 3, 0]);

    let looser = Limit::per_client().quota(Quota::per_minute(1));
    let looser = self::limiter([looser.candidate(Quota::per_minute(3))]);
    assert_eq!((0..5).filter(|_| passes(&looser, &parts)).count(), 1);
    let (_, counts) = looser.report().remove(0).candidate.unwrap();
    let newly_freed = ("newly_freed", 2);
    assert!(counts.contains(&newly_freed), "{counts:?}");
}

#[test]
fn who_is_refused_most_is_known_without_saying_who_it_is() {
    let limiter = limiter([Limit::per_client().quota(Quota::per_hour(1))]);
    for client in 0..200_u8 {
        let often = if client == 7 { 60 } else { 2 };
        let parts = request(&format!("203.0.113.{client}"), &[]);
        for _ in 0..often {
            passes(&limiter, &parts);
        }
    }
    let refused = limiter.report().remove(0).refused;
    assert_eq!(refused.len(), 32);
    let first = &refused[0];
    assert!(first.count - first.error >= 59, "{first:?}");
    assert!(refused.iter().all(|row| row.key.len() == 16));
}

#[test]
fn a_key_is_told_apart_by_the_same_words_in_fields_policies_and_reports() {
    let answers = Answers::exact().partition(Partition::of(b"secret"));
    let limits = [Limit::per_client().quota(Quota::per_minute(1))];
    let limiter = Limiter::with(limits, Clock::manual().0, Trust::nobody(), answers).unwrap();
    let parts = request("203.0.113.1", &[]);
    assert!(passes(&limiter, &parts));
    let answer = limiter.decide(&parts, Mode::Enforce);
    let key = limiter.report().remove(0).refused.remove(0).key;
    assert_eq!(
        answer.field.unwrap(),
        format!(r#""per-client";r=0;t=60;pk=:{key}:"#)
    );
    assert_eq!(
        answer.advertised.unwrap(),
        format!(r#""per-client";q=1;w=60;pk=:{key}:"#)
    );
    let other = limiter.decide(&request("203.0.113.2", &[]), Mode::Enforce);
    assert!(!other.field.unwrap().to_str().unwrap().contains(&key));
}

#[test]
fn older_forms_tell_the_tightest_limit() {
    let limits = || {
        [
            Limit::per_client()
                .named("wide")
                .quota(Quota::per_hour(100)),
            Limit::per_client()
                .named("tight")
                .quota(Quota::per_minute(2)),
        ]
    };
    for (form, expected) in [
        (
            Form::Draft7,
            &[
                ("ratelimit", "limit=2, remaining=1, reset=30"),
                ("ratelimit-policy", "100;w=3600, 2;w=60"),
            ][..],
        ),
        (
            Form::XRateLimit,
            &[
                ("x-ratelimit-limit", "2"),
                ("x-ratelimit-remaining", "1"),
                ("x-ratelimit-reset", "30"),
            ],
        ),
        (Form::Off, &[]),
    ] {
        let answers = Answers::exact().form(form);
        let limiter = Limiter::with(limits(), Clock::manual().0, Trust::nobody(), answers).unwrap();
        let answer = limiter.decide(&request("203.0.113.1", &[]), Mode::Enforce);
        assert_eq!((answer.field, answer.advertised), (None, None));
        let told = answer.older.iter();
        let told: Vec<_> = told
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn a_lone_client_that_waits_as_it_was_told_is_let_pass() {
    let (clock, hand) = Clock::manual();
    let answers = Answers::default().jitter(Jitter::default().seeded(3));
    let limits = [Limit::per_client().quota(Quota::per(7, Duration::from_secs(3)))];
    let limiter = Limiter::with(limits, clock, Trust::nobody(), answers).unwrap();
    let parts = request("203.0.113.1", &[]);
    for _ in 0..500 {
        while passes(&limiter, &parts) {}
        let denied = limiter.decide(&parts, Mode::Enforce).denied.unwrap();
        hand.advance(denied.retry_after.unwrap());
        assert!(passes(&limiter, &parts));
        while passes(&limiter, &parts) {}
        let denied = limiter.decide(&parts, Mode::Enforce).denied.unwrap();
        let seconds = denied.refusal().retry_after_seconds().unwrap();
        hand.advance(Duration::from_secs(seconds));
        assert!(passes(&limiter, &parts));
    }
}

/// What limits like these, in this order, say of the last of some requests.
fn said_by(limits: &[(Quota, Mode)], order: &[usize], requests: usize) -> super::Answer {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let limit = |at: &usize| {
        let (quota, mode) = limits[*at];
        Limit::per_client()
            .named(NAMES[*at])
            .quota(quota)
            .max_keys(16)
            .mode(mode)
    };
    let limiter = limiter(order.iter().map(limit));
    let parts = request("203.0.113.1", &[]);
    for _ in 1..requests {
        limiter.decide(&parts, Mode::Enforce);
    }
    limiter.decide(&parts, Mode::Enforce)
}

proptest! {
    #[test]
    fn what_is_decided_does_not_depend_on_the_order_of_the_limits(
        limits in prop::collection::vec((1_u32..6, 1_u64..4, 0_usize..2), 4),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        requests in 1_usize..9,
    ) {
        let modes = [Mode::Enforce, Mode::Observe];
        let quota = |(count, window, mode): (u32, u64, usize)| {
            (Quota::per(count, Duration::from_secs(window)), modes[mode])
        };
        let limits: Vec<_> = limits.into_iter().map(quota).collect();
        let one = said_by(&limits, &[0, 1, 2, 3], requests);
        let other = said_by(&limits, &order, requests);
        let of = |answer: &super::Answer| {
            let decided = answer.decided.unwrap();
            let told = (decided.policy, decided.decision, decided.remaining, decided.retry_after);
            (told, answer.denied.map(|denied| (denied.policy, denied.retry_after)))
        };
        prop_assert_eq!(of(&one), of(&other));
        let names = |answer: &super::Answer| answer.field.is_some();
        prop_assert_eq!(names(&one), names(&other));
    }

    #[test]
    fn both_fields_list_the_same_policies_in_every_mode(
        modes in prop::collection::vec(prop::sample::select(vec![Mode::Off, Mode::Observe, Mode::Enforce]), 3),
        proxied: bool,
        unknown: bool,
    ) {
        let by = |name: &str| Limit::by(move |_| (!unknown).then_some(Key::Number(1))).named(name);
        let limits = [Limit::per_client().named("one"), by("two"), by("three")];
        let limits = limits.into_iter().zip(&modes);
        let limiter = limiter(limits.map(|(limit, mode)| limit.quota(Quota::per_hour(9)).max_keys(16).mode(*mode)));
        let headers: &[_] = if proxied { &[("x-forwarded-for", "6.6.6.6")] } else { &[] };
        let answer = limiter.decide(&request("100.64.0.9", headers), Mode::Enforce);
        let names = |field: Option<HeaderValue>| {
            let field = field.map(|field| field.to_str().unwrap().to_owned());
            let items = field.iter().flat_map(|field| field.split(", "));
            items.map(|item| item.split(';').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        if let Some(field) = answer.field {
            let advertised = answer.advertised.or_else(|| limiter.advertised());
            prop_assert_eq!(names(Some(field)), names(advertised));
        }
    }
}

#[test]
fn a_candidate_is_tried_on_keys_without_a_plan_and_says_whom_it_would_refuse() {
    let table = PlanTable::new()
        .plan("pro", Quota::per_hour(9))
        .key("acme", "pro");
    let plans = Plans::new(table).unwrap();
    let limit = Limit::by_header("x-tenant")
        .quota(Quota::per_hour(5))
        .candidate(Quota::per_hour(1))
        .plans(&plans);
    let limiter = limiter([limit]);
    for tenant in ["acme", "other"] {
        let parts = request("203.0.113.1", &[("x-tenant", tenant)]);
        assert!((0..4).all(|_| passes(&limiter, &parts)));
    }
    let report = limiter.report().pop().unwrap();
    let counts = report.candidate.unwrap().1;
    assert_eq!(counts[0], ("both_allow", 1));
    assert_eq!(counts[2], ("newly_denied", 3));
    let newly: Vec<_> = report.newly_denied.iter().map(|row| row.count).collect();
    assert_eq!((newly, report.refused), (vec![3], vec![]));
}
