//! What every store does. Quotas are slow enough that the time a test takes
//! brings no cell back, so that the same cases run against real servers.

use std::sync::Arc;

use plimsoll_ratelimit::Quota;
use plimsoll_ratelimit::gcra::{Decision, Verdict};
use plimsoll_ratelimit::store::{Call, Kind, Store, Told, Want};

/// Cells an hour come back at; none does within a test.
fn want(key: &str, burst: u32, cells: u32) -> Want {
    Want {
        key: Arc::from(format!("pl:{{{key}}}:suite")),
        gcra: Quota::per_hour(1).burst(burst).check().unwrap(),
        cells,
    }
}

async fn call(store: &dyn Store, kind: Kind, wants: Vec<Want>) -> (Told, Vec<Decision>) {
    let call = Call { kind, wants };
    let told = store.call(call.clone()).await.unwrap();
    assert_eq!(told.backlogs.len(), call.wants.len());
    let decisions = (0..call.wants.len()).map(|at| told.decision(&call, at).unwrap());
    let decisions = decisions.collect();
    (told, decisions)
}

/// Gives cells back.
async fn credit(store: &dyn Store, want: Want) {
    let nanos = want.gcra.interval() * u64::from(want.cells);
    call(store, Kind::Credit(nanos), vec![want]).await;
}

async fn all(store: &dyn Store, wants: Vec<Want>) -> bool {
    call(store, Kind::All, wants).await.0.granted == 1
}

async fn left(store: &dyn Store, key: &str, burst: u32) -> u32 {
    call(store, Kind::All, vec![want(key, burst, 0)]).await.1[0].remaining
}

pub(crate) async fn run(store: Arc<dyn Store>) {
    let name = format!("{:x}", Arc::as_ptr(&store).addr());
    let key = |case: &str| format!("{case}-{name}");
    let store = &*store;
    a_burst_passes_and_no_more(store, &key("burst")).await;
    looking_takes_nothing(store, &key("look")).await;
    keys_are_counted_apart(store, &key("apart")).await;
    all_or_nothing(store, &key("all")).await;
    as_many_as_there_are(store, &key("most")).await;
    credits_and_debits_stay_within_what_a_key_holds(store, &key("owed")).await;
    a_lowered_quota_keeps_the_state_and_costs_no_more_than_itself(store, &key("lower")).await;
    a_cost_over_the_burst_never_fits(store, &key("never")).await;
    throttle_vectors(store, &key("vector")).await;
}

async fn a_burst_passes_and_no_more(store: &dyn Store, key: &str) {
    for sent in 0..12 {
        let (told, said) = call(store, Kind::All, vec![want(key, 7, 1)]).await;
        assert_eq!(told.granted, u32::from(sent < 7), "request {sent}");
        assert_eq!(said[0].allows(), sent < 7);
        assert_eq!(said[0].remaining, 6_u32.saturating_sub(sent));
        if let Verdict::Deny { retry_after } = said[0].verdict {
            let hour = 3_600_000_000_000;
            assert!(
                (hour - 60_000_000_000..=hour).contains(&retry_after),
                "{retry_after}"
            );
        }
    }
}

async fn looking_takes_nothing(store: &dyn Store, key: &str) {
    assert!(all(store, vec![want(key, 5, 2)]).await);
    for _ in 0..3 {
        assert_eq!(left(store, key, 5).await, 3);
    }
}

async fn keys_are_counted_apart(store: &dyn Store, key: &str) {
    for one in ["a", "b", "c"] {
        let one = format!("{key}{one}");
        assert!(all(store, vec![want(&one, 1, 1)]).await);
        assert!(!all(store, vec![want(&one, 1, 1)]).await);
    }
}

async fn all_or_nothing(store: &dyn Store, key: &str) {
    let (wide, tight) = (format!("{key}-wide"), format!("{key}-tight"));
    let mut passed = 0;
    for _ in 0..10 {
        let both = vec![want(&wide, 20, 2), want(&tight, 3, 1)];
        let (told, said) = call(store, Kind::All, both).await;
        passed += told.granted;
        assert_eq!(told.granted == 1, said.iter().all(Decision::allows));
    }
    assert_eq!(passed, 3);
    assert_eq!(left(store, &wide, 20).await, 14);
    assert_eq!(left(store, &tight, 3).await, 0);
}

async fn as_many_as_there_are(store: &dyn Store, key: &str) {
    for (asked, granted) in [(5, 5), (5, 3), (5, 0)] {
        let (told, _) = call(store, Kind::Most, vec![want(key, 8, asked)]).await;
        assert_eq!(told.granted, granted);
    }
}

async fn credits_and_debits_stay_within_what_a_key_holds(store: &dyn Store, key: &str) {
    assert!(all(store, vec![want(key, 4, 3)]).await);
    credit(store, want(key, 4, 2)).await;
    assert_eq!(left(store, key, 4).await, 3);
    credit(store, want(key, 4, 90)).await;
    assert_eq!(left(store, key, 4).await, 4);
    assert!(all(store, vec![want(key, 4, 4)]).await);
    assert!(!all(store, vec![want(key, 4, 1)]).await);
    call(store, Kind::Debit, vec![want(key, 4, 90)]).await;
    credit(store, want(key, 4, 1)).await;
    assert_eq!(left(store, key, 4).await, 1);
}

async fn a_lowered_quota_keeps_the_state_and_costs_no_more_than_itself(
    store: &dyn Store,
    key: &str,
) {
    assert!(all(store, vec![want(key, 100, 100)]).await);
    let (_, said) = call(store, Kind::All, vec![want(key, 2, 1)]).await;
    let Verdict::Deny { retry_after } = said[0].verdict else {
        unreachable!("{said:?}");
    };
    assert!(retry_after <= 3_600_000_000_000);
    // The refusal gave back the excess: the wait it named holds.
    credit(store, want(key, 2, 1)).await;
    assert!(all(store, vec![want(key, 2, 1)]).await);
}

async fn a_cost_over_the_burst_never_fits(store: &dyn Store, key: &str) {
    let (told, said) = call(store, Kind::All, vec![want(key, 5, 6)]).await;
    assert_eq!((told.granted, said[0].verdict), (0, Verdict::NeverFits));
    assert_eq!(left(store, key, 5).await, 5);
}

/// As `CL.THROTTLE key 15 30 60 <n>` of redis-cell answers by its own tests:
/// a burst of 16 cells, one every two seconds.
async fn throttle_vectors(store: &dyn Store, key: &str) {
    let want = |cells| Want {
        gcra: Quota::per_minute(30).burst(16).check().unwrap(),
        ..want(key, 1, cells)
    };
    for (cells, limited, remaining) in [(1, false, 15), (15, false, 0), (1, true, 0), (5, true, 0)]
    {
        let (told, said) = call(store, Kind::All, vec![want(cells)]).await;
        assert_eq!((told.granted == 0, said[0].remaining), (limited, remaining));
        if let Verdict::Deny { retry_after } = said[0].verdict {
            let whole = u64::from(cells) * 2_000_000_000;
            assert!((whole - 1_500_000_000..=whole).contains(&retry_after));
        }
    }
}
