//! What holds for every lock and every catalog.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use plimsoll_errors_lock::{Change, Lock, Published};
use proptest::prelude::*;

fn word(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(of).prop_map(str::to_owned)
}

fn published(number: u16) -> impl Strategy<Value = Published> {
    (
        400..600_u16,
        word(&["NOT_FOUND", "ABORTED", "UNAVAILABLE"]),
        word(&["client", "server", "dependency", "capacity"]),
        word(&["never", "safe", "same_key", "after"]),
        word(&["good", "bad", "excluded"]),
    )
        .prop_map(move |(status, grpc, blame, retry, slo)| Published {
            code: format!("CARD-{number}"),
            reason: format!("REASON_{number}"),
            status,
            grpc,
            blame,
            retry,
            slo,
        })
}

/// Between one and twelve codes of one catalog, ascending, and which of them to pick.
fn catalog() -> impl Strategy<Value = (Vec<Published>, prop::sample::Index)> {
    let numbers = prop::collection::btree_set(1000..=9999_u16, 1..12);
    let codes = numbers.prop_flat_map(|numbers| {
        let codes: Vec<_> = numbers.into_iter().map(published).collect();
        codes
    });
    (codes, any::<prop::sample::Index>())
}

fn locked(catalog: &[Published]) -> Lock {
    let mut lock = Lock::default();
    lock.append(catalog);
    lock
}

fn retire(lock: &Lock, code: &str, why: &str) -> Lock {
    let text = lock.to_string();
    let lines = text.lines().flat_map(|line| {
        let retired = line
            .starts_with(code)
            .then(|| format!("{code} retired: {why}"));
        std::iter::once(line.to_owned()).chain(retired)
    });
    Lock::parse(&lines.collect::<Vec<_>>().join("\n")).unwrap()
}

/// Every way to change one field of a code.
fn changed(was: &Published, which: usize) -> Published {
    let mut now = was.clone();
    match which {
        0 => now.code = "CARD-0999".into(),
        1 => now.reason.push_str("_NOW"),
        2 => {
            now.status = if was.status == 599 {
                400
            } else {
                was.status + 1
            }
        }
        3 => now.grpc.push_str("_NOW"),
        4 => now.blame.push_str("_now"),
        5 => now.retry.push_str("_now"),
        _ => now.slo.push_str("_now"),
    }
    now
}

proptest! {
    #[test]
    fn what_is_written_reads_back((catalog, pick) in catalog(), why in "[a-zA-Z,;: -]{0,20}[a-z]") {
        let lock = locked(&catalog);
        prop_assert_eq!(&Lock::parse(&lock.to_string()).unwrap(), &lock);
        let retired = retire(&lock, &pick.get(&catalog).code, &why);
        prop_assert_eq!(&Lock::parse(&retired.to_string()).unwrap(), &retired);
    }

    #[test]
    fn a_catalog_changes_nothing_of_its_own_lock((catalog, _) in catalog()) {
        prop_assert_eq!(locked(&catalog).compare(&catalog), vec![]);
    }

    #[test]
    fn any_single_change_is_caught((catalog, pick) in catalog(), which in 0..7_usize) {
        let lock = locked(&catalog);
        let at = pick.index(catalog.len());
        let mut now = catalog.clone();
        now[at] = changed(&catalog[at], which);
        let changes = lock.compare(&now);
        prop_assert_eq!(changes.len(), 1, "{:?}", changes);
        prop_assert!(changes[0].is_breaking());
        prop_assert_eq!(changes[0].code(), catalog[at].code.as_str());
    }

    #[test]
    fn a_code_that_is_gone_is_caught_until_it_is_retired((catalog, pick) in catalog()) {
        let lock = locked(&catalog);
        let at = pick.index(catalog.len());
        let mut now = catalog.clone();
        let gone = now.remove(at);
        prop_assert_eq!(lock.compare(&now), vec![Change::Removed(gone.clone())]);

        let retired = retire(&lock, &gone.code, "nobody gets it any more");
        prop_assert_eq!(retired.compare(&now), vec![]);
        let back = retired.compare(&catalog);
        prop_assert!(matches!(&back[..], [Change::Reused { was, .. }] if *was == gone), "{back:?}");
        now.push(Published { code: "CARD-0999".into(), ..gone });
        let again = retired.compare(&now);
        prop_assert!(matches!(&again[..], [Change::ReasonReused { .. }]), "{again:?}");
    }

    #[test]
    fn codes_that_are_added_break_nothing((catalog, pick) in catalog()) {
        let (old, new): (Vec<_>, Vec<_>) = (0..catalog.len()).partition(|at| *at <= pick.index(catalog.len()));
        let take = |of: &[usize]| of.iter().map(|at| catalog[*at].clone()).collect::<Vec<_>>();
        let mut lock = locked(&take(&old));
        let changes = lock.compare(&catalog);
        prop_assert_eq!(changes, take(&new).into_iter().map(Change::Added).collect::<Vec<_>>());

        let before = lock.clone();
        lock.append(&catalog);
        let lines: BTreeMap<_, _> = lock.records().iter().map(|it| (&it.published.code, it)).collect();
        for record in before.records() {
            prop_assert_eq!(lines[&record.published.code], record, "a line changed");
        }
        prop_assert_eq!(lock.compare(&catalog), vec![]);
    }

    #[test]
    fn no_text_is_too_odd_to_be_judged(text in "([A-Z]{0,5}-?[0-9]{0,5} ?[ -~]{0,40}\n){0,4}") {
        if let Ok(lock) = Lock::parse(&text) {
            prop_assert_eq!(Lock::parse(&lock.to_string()).unwrap(), lock);
        }
    }
}

#[test]
fn a_line_that_is_wrong_is_named_with_what_would_be_right() {
    let good = "CARD-1001 LOST status=404 grpc=NOT_FOUND blame=client retry=never slo=excluded";
    for (text, told) in [
        ("hello", "line 1: \"hello\" is no code"),
        ("card-1001 LOST", "is no code"),
        ("CARD-101 LOST", "is no code"),
        ("CARD-1001", "no reason after CARD-1001"),
        ("CARD-1001 LOST 404", "no `status=` where it belongs"),
        (&good.replace("404", "4o4"), "status=4o4 is no HTTP status"),
        (
            &good.replace(" slo=excluded", ""),
            "no `slo=` where it belongs",
        ),
        (&format!("{good} more"), "\"more\" is too much"),
        (
            &format!("{good}\n{good}"),
            "line 2: CARD-1001 stands below CARD-1001",
        ),
        (
            &format!("{good}\nCARD-1000 retired: x"),
            "line 2: CARD-1000 is retired here",
        ),
        (
            &format!("{good}\nCARD-1001 retired: "),
            "say why CARD-1001 is retired",
        ),
        (
            &format!("{good}\nCARD-1001 retired: x\nCARD-1001 retired: y"),
            "line 3: CARD-1001 is retired twice",
        ),
        ("# a note", "is no code"),
    ] {
        let error = Lock::parse(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text:?} gave {error:?}");
        assert!(error.starts_with("line "), "{error}");
    }
}
