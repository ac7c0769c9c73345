//! Every field of draft-11 is a list of items as RFC 9651 has them, and their
//! parameters are those of the draft.

use std::time::Duration;

use plimsoll_ratelimit::answers::Partition;
use plimsoll_ratelimit::{Answers, Limit, Quota, Unit};
use proptest::prelude::*;
use sfv::{BareItem, Item, List, ListEntry, Parser};

use crate::told;

const MAX_INTEGER: i128 = 999_999_999_999_999;

fn items(field: &str) -> Vec<Item> {
    let list = Parser::new(field).parse::<List>();
    let list = list.unwrap_or_else(|error| panic!("{field}: {error}"));
    let item = |entry| match entry {
        ListEntry::Item(item) => item,
        ListEntry::InnerList(inner) => panic!("{inner:?} is no item"),
    };
    list.into_iter().map(item).collect()
}

fn name(item: &Item) -> String {
    let BareItem::String(name) = &item.bare_item else {
        panic!("{item:?} is no string");
    };
    name.as_str().to_owned()
}

fn integer(item: &Item, key: &str) -> Option<i128> {
    let value = item
        .params
        .iter()
        .find(|(known, _)| known.as_str() == key)?
        .1;
    let BareItem::Integer(number) = value else {
        panic!("{key} is no integer: {value:?}");
    };
    Some(i64::from(*number).into())
}

fn keys(item: &Item) -> Vec<&str> {
    item.params.iter().map(|(key, _)| key.as_str()).collect()
}

fn limit() -> impl Strategy<Value = (Quota, bool, u32)> {
    let quota = (1_u32..100_000, 1_u64..1_000_000, 1_u32..50_000);
    let quota = quota.prop_map(|(count, window, burst)| {
        Quota::per(count, Duration::from_secs(window)).burst(burst)
    });
    let quota = quota.prop_filter("a quota that can be kept", |quota| quota.check().is_ok());
    (quota, any::<bool>(), 1_u32..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_field_is_what_the_draft_says(rows in prop::collection::vec(limit(), 1..9), keyed: bool, requests in 1_usize..40) {
        let mut limits = Vec::new();
        for (at, (quota, bytes, cost)) in rows.iter().enumerate() {
            let unit = if *bytes { Unit::ContentBytes } else { Unit::Requests };
            let cost = (*cost).min(quota.burst_size());
            let limit = Limit::per_client().named(format!("limit-{at}.{}", "x".repeat(50)));
            limits.push(limit.quota(*quota).unit(unit).cost(cost).max_keys(16));
        }
        let answers = Answers::exact().partition(keyed.then(|| Partition::of(b"secret")));
        for (limiter, answer) in told(limits, answers, requests) {
            let field = answer.field.unwrap();
            let advertised = answer.advertised.or_else(|| limiter.advertised()).unwrap();
            let (told, policies) = (items(field.to_str().unwrap()), items(advertised.to_str().unwrap()));
            prop_assert_eq!(told.len(), rows.len());
            prop_assert_eq!(policies.len(), rows.len());
            for ((told, policy), (quota, bytes, _)) in told.iter().zip(&policies).zip(&rows) {
                prop_assert_eq!(name(told), name(policy));
                prop_assert_eq!(integer(policy, "q"), Some(quota.count().into()));
                prop_assert_eq!(integer(policy, "w"), Some(quota.window().as_secs().into()));
                prop_assert_eq!(keys(policy).contains(&"qu"), *bytes);
                prop_assert_eq!(keys(policy).contains(&"pk"), keyed);
                let (left, window) = (integer(told, "r").unwrap(), integer(told, "t").unwrap());
                prop_assert!((0..=i128::from(quota.burst_size())).contains(&left));
                prop_assert!((1..=MAX_INTEGER).contains(&window));
                let own = |key: &str| !["q", "w", "qu", "pk", "r", "t"].contains(&key);
                prop_assert!(keys(policy).iter().filter(|key| own(key)).all(|key| key.starts_with("plimsoll-")));
                prop_assert!(!keys(told).into_iter().any(own));
            }
        }
    }
}
