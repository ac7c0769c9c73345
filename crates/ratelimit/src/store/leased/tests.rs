//! Many processes with leases on one key, by a clock that the test moves:
//! crashes, late answers, lost answers, any lease, any cost.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::store::Identity;

/// What happens next: time passes, then a process does something.
#[derive(Debug, Clone)]
enum Step {
    Request {
        node: usize,
        cost: u32,
    },
    /// A request that passed turns out not to have passed.
    GiveBack(usize),
    Answer,
    Lose,
    Crash(usize),
    /// All processes learn of this quota.
    Change(usize),
    /// The store's clock is set: so many nanoseconds forwards, or backwards.
    Set(i64),
}

/// A call under way: whose, how many cells, when it was sent, and what the store
/// decided already, if it did.
struct Sent {
    node: usize,
    gcra: Gcra,
    life: u32,
    at: u64,
    told: Option<(u32, u64)>,
    cells: u32,
}

/// A request that passed: whose, when, and what it took.
struct Admitted {
    node: usize,
    life: u32,
    at: u64,
    cost: u32,
    paid: Paid,
    /// Quotas that were set before.
    changes: usize,
}

/// The key's word in the store, by the store's own clock.
struct Store {
    now: u64,
    tat: u64,
}

impl Store {
    /// Grants as many of the cells as fit, and tells the backlog after them.
    fn decide(&mut self, call: &mut Sent) {
        let (look, kept) = call.gcra.decide(self.tat, self.now, 0);
        let granted = call.cells.min(look.remaining);
        self.tat = call.gcra.decide(kept, self.now, granted).1;
        call.told = Some((granted, self.tat - self.now));
    }
}

fn any_step(nodes: usize) -> impl Strategy<Value = (u64, Step)> {
    let step = prop_oneof![
        12 => (0..nodes, 1_u32..3).prop_map(|(node, cost)| Step::Request { node, cost }),
        8 => Just(Step::Answer),
        4 => (0_usize..9).prop_map(Step::GiveBack),
        1 => Just(Step::Lose),
        1 => (0..nodes).prop_map(Step::Crash),
        1 => (0_usize..3).prop_map(Step::Change),
        1 => (-50_000_000_i64..50_000_000).prop_map(Step::Set),
    ];
    (0_u64..4_000_000, step)
}

prop_compose! {
    fn any_run()(nodes in 1_usize..5)(
        nodes in Just(nodes),
        quotas in prop::array::uniform3((100_000_u64..5_000_000, 2_u32..60)),
        ttl_us in 1_u64..40_000,
        most in prop_oneof![Just(u32::MAX), 1_u32..12],
        steps in prop::collection::vec(any_step(nodes), 1..250),
    ) -> (usize, [Gcra; 3], Lease, Vec<(u64, Step)>) {
        let lease = Lease::lasting(Duration::from_micros(ttl_us)).at_most(most);
        let quotas = quotas.map(|(interval, burst)| Gcra::new(interval, burst));
        (nodes, quotas, lease, steps)
    }
}

proptest! {
    #[test]
    fn what_all_processes_admit_stays_within_the_stated_bound(
        (nodes, quotas, lease, steps) in any_run()
    ) {
        let id = Identity::random().number(7);
        let count = nodes as u32;
        let mut books: Vec<_> = (0..nodes).map(|_| (Leases::new(lease, 100), 0)).collect();
        let (mut now, mut store) = (1_000_000_000, Store { now: 1_000_000_000, tat: 0 });
        let (mut sent, mut admitted) = (Vec::<Sent>::new(), Vec::<Admitted>::new());
        // The quotas in force, one after the other; and what time the store's clock leapt, when.
        let (mut quotas_set, mut leaps) = (vec![quotas[0]], Vec::new());
        for (pause, step) in steps {
            now += pause;
            store.now += pause;
            let gcra = quotas_set[quotas_set.len() - 1];
            match step {
                Step::Request { node, cost } => {
                    let (book, life) = &books[node];
                    let mut ask = |cells| {
                        sent.push(Sent { node, gcra, life: *life, at: now, told: None, cells });
                    };
                    match book.spend(id, gcra, cost, now, count) {
                        Spend::Allow { ahead, paid, .. } => {
                            let changes = quotas_set.len() - 1;
                            admitted.push(Admitted { node, life: *life, at: now, cost, paid, changes });
                            if let Some(cells) = ahead { ask(cells); }
                        }
                        Spend::Ask(cells) => ask(cells),
                        Spend::Deny(_) | Spend::Wait(_) | Spend::NoRoom => {}
                    }
                }
                Step::GiveBack(ago) => {
                    if let Some(at) = admitted.len().checked_sub(ago + 1) {
                        let it = admitted.remove(at);
                        let (book, life) = &books[it.node];
                        if *life == it.life { book.give_back(id, it.cost, it.paid, now); }
                    }
                }
                Step::Answer => {
                    if let Some(call) = sent.first_mut() {
                        match call.told {
                            // The store decides in the order of the calls.
                            None => store.decide(call),
                            Some((granted, backlog)) => {
                                let call = sent.remove(0);
                                let (book, life) = &books[call.node];
                                if *life == call.life { book.fill(id, granted, backlog, call.at); }
                            }
                        }
                    }
                }
                Step::Lose => {
                    // The store may have decided; the process does not hear of it.
                    if let Some(mut call) = sent.pop() {
                        if call.told.is_none() { store.decide(&mut call); }
                        let (book, life) = &books[call.node];
                        if *life == call.life { book.failed(id); }
                    }
                }
                Step::Crash(node) => {
                    let life = books[node].1 + 1;
                    books[node] = (Leases::new(lease, 100), life);
                }
                Step::Change(which) => {
                    // Calls by the quota before are decided by it, and before.
                    for call in sent.iter_mut().filter(|call| call.told.is_none()) {
                        store.decide(call);
                    }
                    quotas_set.push(quotas[which]);
                }
                Step::Set(by) => {
                    store.now = store.now.saturating_add_signed(by);
                    leaps.push((now, u64::try_from(by).unwrap_or(0)));
                }
            }
        }
        // A cost over what a process may hold is taken whole, for that request.
        let in_hand = |gcra: Gcra| u64::from(count) * u64::from(lease.most(gcra, count).max(2));
        let over = |gcra: Gcra| lease.ttl_nanos().div_ceil(gcra.interval()).min(in_hand(gcra));
        for (first, start) in admitted.iter().enumerate() {
            let gcra = quotas_set[start.changes];
            // What was leased by the quotas before is spent beside what this one gives.
            let before = quotas_set[..start.changes].iter();
            let held = before.map(|before| in_hand(*before)).max().unwrap_or(0);
            let mut cells = 0;
            for end in admitted[first..].iter().take_while(|end| end.changes == start.changes) {
                cells += u64::from(end.cost);
                let since = start.at.saturating_sub(lease.ttl_nanos());
                let within = leaps.iter().filter(|(at, _)| (since..=end.at).contains(at));
                let leapt: u64 = within.map(|(_, by)| by).sum();
                let time = end.at - start.at + leapt;
                let bound = u64::from(gcra.burst()) + time / gcra.interval() + over(gcra) + held;
                prop_assert!(cells <= bound, "{cells} > {bound}, {held} of them held before");
            }
        }
    }

    #[test]
    fn alone_a_client_that_waits_as_told_is_admitted(
        interval in 100_000_u64..5_000_000, burst in 2_u32..60, cost in 1_u32..3, ttl_us in 500_u64..40_000,
    ) {
        let (id, gcra) = (Identity::random().number(7), Gcra::new(interval, burst));
        let book = Leases::new(Lease::lasting(Duration::from_micros(ttl_us)), 100);
        let (mut now, mut tat, mut waited, mut passed) = (1_000_000_000, 0, false, 0);
        for _ in 0..400 {
            let store = |cells: u32, tat: &mut u64| {
                let (look, kept) = gcra.decide(*tat, now, 0);
                let granted = cells.min(look.remaining);
                *tat = gcra.decide(kept, now, granted).1;
                book.fill(id, granted, *tat - now, now);
            };
            match book.spend(id, gcra, cost, now, 1) {
                Spend::Allow { ahead, .. } => {
                    passed += 1;
                    waited = false;
                    if let Some(cells) = ahead { store(cells, &mut tat); }
                }
                Spend::Ask(cells) => store(cells, &mut tat),
                Spend::Deny(said) => {
                    prop_assert!(!waited, "refused after the wait it was told");
                    let Verdict::Deny { retry_after } = said.verdict else { unreachable!() };
                    now += retry_after;
                    waited = true;
                }
                Spend::Wait(_) | Spend::NoRoom => unreachable!("everybody is answered at once"),
            }
        }
        prop_assert!(passed > 100);
    }
}

#[test]
fn a_busy_key_asks_the_store_once_for_many_requests() {
    let gcra = Gcra::new(1_000_000, 1_000);
    let (id, lease) = (
        Identity::random().number(7),
        Lease::lasting(Duration::from_secs(1)),
    );
    let book = Leases::new(lease, 100);
    let (mut now, mut trips, mut tat, mut passed) = (1_000_000_000, 0, 0, 0);
    // A thousand a second, which is what the quota allows.
    for _ in 0..20_000 {
        now += 1_000_000;
        loop {
            let mut store = |cells: u32| {
                trips += 1;
                let (look, kept) = gcra.decide(tat, now, 0);
                let granted = cells.min(look.remaining);
                tat = gcra.decide(kept, now, granted).1;
                book.fill(id, granted, tat - now, now);
            };
            match book.spend(id, gcra, 1, now, 1) {
                Spend::Allow { ahead, .. } => {
                    passed += 1;
                    if let Some(cells) = ahead {
                        store(cells);
                    }
                    break;
                }
                Spend::Ask(cells) => store(cells),
                Spend::Deny(_) => break,
                Spend::Wait(_) | Spend::NoRoom => unreachable!("everybody is answered at once"),
            }
        }
    }
    assert!(passed > 19_000, "{passed} of 20,000 passed");
    assert!(trips < 400, "{trips} calls for {passed} requests");
}

#[test]
fn the_book_is_bounded_and_forgets_only_what_says_nothing() {
    let gcra = Gcra::new(1_000_000, 10);
    let identity = Identity::random();
    let book = Leases::new(Lease::lasting(Duration::from_millis(5)), 640);
    for key in 0..50_000_u64 {
        let now = 1_000_000_000 + key * 1_000_000;
        let id = identity.number(key);
        if let Spend::Ask(cells) = book.spend(id, gcra, 1, now, 1) {
            book.fill(id, cells, 1_000_000, now);
        }
        assert!(matches!(
            book.spend(id, gcra, 1, now, 1),
            Spend::Allow { .. }
        ));
    }
    assert!(book.keys() <= 640, "{}", book.keys());
}

#[test]
fn cells_go_back_to_their_lease_until_it_ends_or_others_were_asked_for() {
    let gcra = Gcra::new(1_000_000_000, 100);
    let (id, lease) = (
        Identity::random().number(7),
        Lease::lasting(Duration::from_secs(10)).at_most(4),
    );
    let book = Leases::new(lease, 100);
    let start = 1_000_000_000;
    let spend = |now| book.spend(id, gcra, 1, now, 1);
    let paid = |now| match spend(now) {
        Spend::Allow { paid, .. } => paid,
        other => unreachable!("{other:?}"),
    };
    assert!(matches!(spend(start), Spend::Ask(1)));
    book.fill(id, 1, 1_000_000_000, start);
    for _ in 0..9 {
        let paid = paid(start + 1);
        assert!(book.give_back(id, 1, paid, start + 2));
    }
    let first = paid(start + 3);
    assert!(matches!(spend(start + 4), Spend::Ask(_)));
    // What was asked for in its place may be there at any time.
    assert!(!book.give_back(id, 1, first, start + 5));
    book.fill(id, 1, 2_000_000_000, start + 4);
    let second = paid(start + 6);
    assert!(!book.give_back(id, 1, second, start + 20_000_000_000));
}
