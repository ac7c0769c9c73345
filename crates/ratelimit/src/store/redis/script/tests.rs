//! The script against the arithmetic it has to follow, by the server's own time.

use std::collections::HashMap;
use std::sync::Arc;

use plimsoll_testkit::redis::Redis as Server;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;
use crate::gcra::Gcra;
use crate::store::Want;

async fn connected(server: &Server) -> (MultiplexedConnection, Scripts) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let scripts = Scripts::load(&mut connection).await.unwrap();
    (connection, scripts)
}

/// What the script should say, by `gcra.rs`, and what should then be kept.
fn expected(call: &Call, tats: &mut HashMap<Arc<str>, u64>, now: u64) -> Told {
    let all = call.wants.iter().all(|want| {
        let tat = tats.get(&want.key).copied().unwrap_or(0);
        want.gcra.decide(tat, now, want.cells).0.allows()
    });
    let mut granted = u32::from(call.kind != Kind::All || all);
    let mut backlogs = Vec::new();
    for want in &call.wants {
        let (gcra, limit) = (want.gcra, want.gcra.limit());
        let raw = tats.get(&want.key).copied().unwrap_or(0);
        let (look, kept) = gcra.decide(raw, now, 0);
        let backlog = kept - now;
        if call.kind == Kind::Most {
            granted = want.cells.min(look.remaining);
        }
        let cells = if call.kind == Kind::Most {
            granted
        } else {
            want.cells
        };
        let change = gcra.interval() * u64::from(cells);
        let after = match call.kind {
            _ if granted == 0 => backlog,
            Kind::All | Kind::Most | Kind::Debit => (backlog + change).min(limit),
            Kind::Credit(nanos) => backlog.saturating_sub(nanos),
        };
        backlogs.push(after);
        if want.cells > 0 || matches!(call.kind, Kind::Credit(_)) {
            tats.insert(Arc::clone(&want.key), now + after);
        }
    }
    Told { granted, backlogs }
}

fn any_call() -> impl Strategy<Value = Call> {
    let kind = prop_oneof![
        6 => Just(Kind::All),
        2 => Just(Kind::Most),
        1 => Just(Kind::Debit),
        1 => (1_u64..20_000_000).prop_map(Kind::Credit),
    ];
    // From a thousandth of a millisecond to the longest that a quota may have.
    let interval = prop_oneof![1_000_u64..5_000_000, Just(1_234_567_891_011)];
    let want = (0_u32..4, interval, 1_u32..9, 0_u32..6);
    let wants = prop::collection::vec(want, 1..4);
    (kind, wants).prop_map(|(kind, mut wants)| {
        if matches!(kind, Kind::Most | Kind::Credit(_)) {
            wants.truncate(1);
        }
        let mut of = HashMap::new();
        for (key, interval, burst, cells) in wants {
            of.insert(key, (interval, burst, cells));
        }
        let want = |(key, (interval, burst, cells))| Want {
            key: format!("pl:{{{key}}}:law").into(),
            gcra: Gcra::new(interval, burst),
            cells,
        };
        Call {
            kind,
            wants: of.into_iter().map(want).collect(),
        }
    })
}

#[tokio::test]
async fn the_script_decides_as_the_arithmetic_does_to_the_nanosecond() {
    let server = Server::start().await;
    let (mut connection, scripts) = connected(&server).await;
    let mut runner = TestRunner::deterministic();
    let mut tats = HashMap::new();
    let mut passed = 0;
    for _ in 0..400 {
        let batch = prop::collection::vec(any_call(), 1..20);
        let batch = batch.new_tree(&mut runner).unwrap().current();
        let told = scripts.decide(&mut connection, batch.iter()).await;
        let (now, told) = told.unwrap();
        for (call, told) in batch.iter().zip(told) {
            assert_eq!(told, expected(call, &mut tats, now), "{call:?}");
            passed += told.granted;
        }
    }
    assert!(passed > 400, "{passed}");
}

#[tokio::test]
async fn a_server_that_forgot_the_script_is_told_it_again() {
    let server = Server::start().await;
    let (mut connection, scripts) = connected(&server).await;
    let call = Call {
        kind: Kind::All,
        wants: vec![Want {
            key: "pl:{a}:x".into(),
            gcra: Gcra::new(1_000_000_000_000, 2),
            cells: 1,
        }],
    };
    for granted in [1, 1, 0] {
        server.ask(&["SCRIPT", "FLUSH"]).await;
        let told = scripts.decide(&mut connection, [&call].into_iter()).await;
        assert_eq!(told.unwrap().1[0].granted, granted);
    }
    assert_eq!(server.calls("eval").await, 3);
    let told = scripts.decide(&mut connection, [&call].into_iter()).await;
    assert_eq!(told.unwrap().1[0].granted, 0);
    assert_eq!(server.calls("eval").await, 3);
}

#[tokio::test]
async fn what_is_no_state_of_ours_counts_as_none_and_is_replaced() {
    let server = Server::start().await;
    let (mut connection, scripts) = connected(&server).await;
    server.ask(&["SET", "pl:{a}:x", "not a time"]).await;
    server.ask(&["RPUSH", "pl:{b}:x", "a list"]).await;
    for key in ["pl:{a}:x", "pl:{b}:x"] {
        let call = Call {
            kind: Kind::All,
            wants: vec![Want {
                key: key.into(),
                gcra: Gcra::new(1_000_000_000_000, 1),
                cells: 1,
            }],
        };
        for granted in [1, 0] {
            let told = scripts.decide(&mut connection, [&call].into_iter()).await;
            assert_eq!(told.unwrap().1[0].granted, granted);
        }
        let left: u64 = server.ask(&["PTTL", key]).await.parse().unwrap();
        assert!((900_000..=1_000_001).contains(&left), "{left} ms");
    }
}
