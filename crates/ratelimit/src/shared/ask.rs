//! One request on its way through the shared limits.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use plimsoll_core::Mode;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::counts::Source;
use super::debts::Debts;
use super::limiter::Inner;
use super::outage::Outage;
use super::taken::{Taken, Took};
use crate::gcra::Decision;
use crate::limiter::{Answer, Asked, Keys, MAX_LIMITS, Names};
use crate::store::{Call, Kind, Paid, Spend, StoreError, Told, Want};

/// What a request with several calls may wait beyond the deadline of one: a call
/// that is late finds so itself, and the store is told.
const SLACK: Duration = Duration::from_millis(2);

/// The way of a request, and what was said so far.
#[derive(Debug)]
pub(super) struct Round {
    keys: Keys,
    mode: Mode,
    now: u64,
    said: [Option<Said>; MAX_LIMITS],
}

#[derive(Debug, Clone, Copy)]
struct Said {
    /// `None` when nobody could decide: the request passes, or not, uncounted.
    decision: Option<Decision>,
    source: Source,
    /// Of [`Source::Lease`].
    paid: Option<Paid>,
}

/// What the shared limits say of a request.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) answer: Answer,
    /// A limit that is closed for want of its store.
    pub(super) closed: Option<&'static str>,
    /// What the request took, if it passes.
    pub(super) taken: Taken,
}

impl Said {
    const fn by(source: Source, decision: Decision) -> Self {
        Self {
            decision: Some(decision),
            source,
            paid: None,
        }
    }

    const fn nobody(source: Source) -> Self {
        Self {
            decision: None,
            source,
            paid: None,
        }
    }

    /// What a request took that was not denied.
    fn took(&self, asked: Asked) -> Option<Took> {
        Some(match self.source {
            Source::Lease => Took::Cells {
                at: asked.at,
                id: asked.id,
                cost: asked.cost,
                paid: self.paid?,
            },
            Source::Store => Took::Stored(Box::new((asked, self.decision?.tat))),
            Source::LocalShare => Took::Share(Box::new(asked)),
            Source::Open => Took::Debt(Box::new(asked)),
            // Cells whose time is over don't come back, and a denial took none.
            Source::LastLease | Source::Known | Source::Closed => return None,
        })
    }

    fn denies(&self) -> bool {
        self.source == Source::Closed || self.decision.is_some_and(|said| !said.allows())
    }
}

impl Round {
    /// Decides what can be without waiting, and names the keys that the store
    /// has to be asked for.
    pub(super) fn begin(limits: &Arc<Inner>, keys: Keys, names: &Names<'_>, mode: Mode) -> Self {
        let mut round = Self {
            keys,
            mode,
            now: limits.clock.now(),
            said: [None; MAX_LIMITS],
        };
        for at in 0..limits.policies.len() {
            let Some(asked) = round.keys.asked(at) else {
                continue;
            };
            let of = (asked.id, at);
            if let Some(denial) = limits.known.denial(of, asked.gcra, asked.cost, round.now) {
                round.said[at] = Some(Said::by(Source::Known, denial));
            }
        }
        if !round.is_denied() {
            for at in 0..limits.policies.len() {
                if !round.is_settled(at) {
                    let _ = round.spend(limits, at, Some(names));
                }
            }
        }
        if !round.is_done() {
            for at in 0..limits.policies.len() {
                if !round.is_settled(at) {
                    round.keys.name(at, names);
                }
            }
        }
        round
    }

    /// Whether nothing more has to be asked.
    pub(super) fn is_done(&self) -> bool {
        self.is_denied() || (0..MAX_LIMITS).all(|at| self.is_settled(at))
    }

    fn is_settled(&self, at: usize) -> bool {
        self.said[at].is_some() || self.keys.asked(at).is_none()
    }

    /// Whether a limit that enforces says no.
    fn is_denied(&self) -> bool {
        let denies = |at: usize| {
            let enforces = self.keys.asked(at).is_some_and(|asked| asked.enforces);
            enforces && self.said[at].is_some_and(|said| said.denies())
        };
        (0..MAX_LIMITS).any(denies)
    }

    /// Asks for all that is not decided yet.
    pub(super) async fn ask(&mut self, limits: &Arc<Inner>) {
        let deadline = Instant::now() + limits.store.deadline();
        for at in 0..limits.policies.len() {
            if !self.is_settled(at) && limits.policies[at].leases.is_some() {
                self.lease(limits, at, deadline).await;
            }
        }
        let enforcing = |asked: &Asked| asked.enforces;
        if !self.is_denied() {
            self.take(limits, enforcing, deadline).await;
        }
        // One that only observes neither stops the others nor waits for them.
        for at in 0..limits.policies.len() {
            if !self.is_settled(at) && !self.is_denied() {
                self.take(limits, |asked| asked.at == at, deadline).await;
            }
        }
    }

    /// Spends cells of a lease, if there are; else says what has to be waited for.
    fn spend(
        &mut self,
        limits: &Arc<Inner>,
        at: usize,
        names: Option<&Names<'_>>,
    ) -> Option<Spend> {
        let asked = self.keys.asked(at)?;
        let leases = limits.policies[at].leases.as_ref()?;
        let nodes = limits.store.nodes();
        match leases.spend(asked.id, asked.gcra, asked.cost, self.now, nodes) {
            Spend::Allow {
                decision,
                ahead,
                paid,
            } => {
                self.said[at] = Some(Said {
                    paid: Some(paid),
                    ..Said::by(Source::Lease, decision)
                });
                if let Some(cells) = ahead {
                    self.refill(limits, at, cells, names);
                }
                None
            }
            Spend::Deny(decision) => {
                self.said[at] = Some(Said::by(Source::Known, decision));
                None
            }
            Spend::Ask(cells) => {
                self.refill(limits, at, cells, names);
                None
            }
            other => Some(other),
        }
    }

    /// Asks the store for cells of a lease, under a name that is found if it
    /// still can be.
    fn refill(&mut self, limits: &Arc<Inner>, at: usize, cells: u32, names: Option<&Names<'_>>) {
        let Some(local) = self.keys.asked(at) else {
            return;
        };
        if let Some(names) = names {
            self.keys.name(at, names);
        }
        match self.keys.asked(at) {
            Some(asked) if asked.is_named() => refill(limits, asked, cells),
            // The limit's own closure found no key this time.
            _ => limits.refused(&local),
        }
    }

    /// Waits until a lease has cells or is known to get none.
    async fn lease(&mut self, limits: &Arc<Inner>, at: usize, deadline: Instant) {
        loop {
            self.now = limits.clock.now();
            match self.spend(limits, at, None) {
                Some(Spend::NoRoom) => return,
                Some(Spend::Wait(answered)) => {
                    let late = timeout_at(deadline, answered).await.is_err();
                    if late || !limits.store.is_up() {
                        return self.without_store(limits, at);
                    }
                }
                _ if self.is_settled(at) => return,
                _ if Instant::now() >= deadline => return self.without_store(limits, at),
                // It was asked for: now there is somebody to wait for.
                _ => {}
            }
        }
    }

    /// Takes the cells of some limits from the store, of all or of none.
    async fn take(
        &mut self,
        limits: &Arc<Inner>,
        which: impl Fn(&Asked) -> bool,
        deadline: Instant,
    ) {
        let open = (0..limits.policies.len()).filter(|&at| !self.is_settled(at));
        let asked: Vec<_> = open
            .filter_map(|at| self.keys.asked(at))
            .filter(|asked| which(asked) && asked.is_named())
            .collect();
        if asked.is_empty() {
            return;
        }
        let call = Call {
            kind: Kind::All,
            wants: asked.iter().filter_map(Asked::want).collect(),
        };
        let sent = limits.clock.now();
        let told = timeout_at(deadline + SLACK, limits.call(call.clone())).await;
        match told.unwrap_or(Err(StoreError::Timeout)) {
            Ok(told) => {
                for (want, asked) in asked.iter().enumerate() {
                    let Some(mut decision) = told.decision(&call, want) else {
                        continue;
                    };
                    // In our time; the store decided after it was asked.
                    decision.tat = sent.saturating_add(decision.tat);
                    self.said[asked.at] = Some(Said::by(Source::Store, decision));
                    if decision.remaining == 0 {
                        limits.known.learn((asked.id, asked.at), decision.tat);
                    }
                }
            }
            Err(_) => {
                for asked in asked {
                    self.without_store(limits, asked.at);
                }
            }
        }
    }

    /// Decides by the limit's outage policy.
    fn without_store(&mut self, limits: &Inner, at: usize) {
        let Some(asked) = self.keys.asked(at) else {
            return;
        };
        let shared = &limits.policies[at];
        let late = || {
            let leases = shared.leases.as_ref();
            leases.is_some_and(|leases| leases.spend_late(asked.id, asked.cost))
        };
        self.said[at] = Some(match shared.outage {
            Outage::Open => Said::nobody(Source::Open),
            Outage::LastLease if late() => Said::nobody(Source::LastLease),
            Outage::Closed | Outage::LastLease => Said::nobody(Source::Closed),
            Outage::LocalShare => {
                let decision = limits.limiter.decide_share(&asked, limits.share(&asked));
                Said::by(Source::LocalShare, decision)
            }
        });
    }

    /// Counts what was said, settles what is owed, and puts the answer together.
    pub(super) fn end(self, limits: &Arc<Inner>) -> Verdict {
        let denied = self.is_denied();
        let (mut closed, mut taken) = (None, Taken::Nothing);
        for (at, said) in self.said.iter().enumerate() {
            let (Some(said), Some(asked)) = (said, self.keys.asked(at)) else {
                continue;
            };
            let shared = &limits.policies[at];
            shared.counts.add(said.source);
            match said.source {
                Source::Closed if asked.enforces => closed = closed.or(Some(shared.name)),
                _ if said.denies() || asked.cost == 0 => {}
                Source::LocalShare if denied => {
                    limits.limiter.refund_share(&asked, limits.share(&asked));
                }
                // The store takes of all or of none, and nobody owes yet.
                Source::Store | Source::Open if denied => {}
                _ => {
                    if let Some(took) = said.took(asked) {
                        if let Took::Share(asked) | Took::Debt(asked) = &took
                            && let Some(want) = asked.want()
                        {
                            limits.debts.owe(&want);
                        }
                        taken.push(took);
                    }
                }
            }
        }
        if denied {
            std::mem::take(&mut taken).give_back(limits);
        }
        let decisions = self.said.map(|said| said.and_then(|said| said.decision));
        Verdict {
            answer: limits.limiter.tell(&self.keys, &decisions, self.mode),
            closed,
            taken,
        }
    }
}

/// Asks the store for the cells of a lease, in a task of its own: a request that
/// goes away must not leave others waiting.
fn refill(limits: &Arc<Inner>, asked: Asked, cells: u32) {
    let Ok(runtime) = Handle::try_current() else {
        limits.warn_of_runtime();
        limits.refused(&asked);
        return;
    };
    let limits = Arc::clone(limits);
    runtime.spawn(async move {
        let Some(want) = asked.want() else {
            return limits.refused(&asked);
        };
        let call = Call {
            kind: Kind::Most,
            wants: vec![Want { cells, ..want }],
        };
        let sent = limits.clock.now();
        match limits.call(call).await {
            Ok(told) => {
                if let (Some(leases), [backlog]) =
                    (&limits.policies[asked.at].leases, &*told.backlogs)
                {
                    leases.fill(asked.id, told.granted, *backlog, sent);
                }
            }
            Err(_) => limits.refused(&asked),
        }
    });
}

impl Inner {
    fn refused(&self, asked: &Asked) {
        if let Some(leases) = &self.policies[asked.at].leases {
            leases.failed(asked.id);
        }
    }

    /// Calls the store, what the keys owe first; another key's debt goes along.
    async fn call(&self, call: Call) -> Result<Told, StoreError> {
        let of_keys = call
            .wants
            .iter()
            .filter_map(|want| self.debts.of(&want.key));
        let mut owed: Vec<_> = of_keys.collect();
        if self.store.is_up() {
            owed.extend(self.debts.any());
        }
        if owed.is_empty() {
            return self.store.call(call).await;
        }
        // Sent in this order, so that a key's debt counts before it is asked for.
        let paid = join_all(owed.into_iter().map(|debt| self.pay(debt)));
        join(paid, self.store.call(call)).await.1
    }

    /// Debits what was admitted without the store; what can't be stays owed.
    fn pay(&self, debt: Want) -> impl Future<Output = ()> {
        let call = Call {
            kind: Kind::Debit,
            wants: vec![debt.clone()],
        };
        let owed = Owed(&self.debts, Some(debt));
        async move {
            if self.store.call(call).await.is_ok() {
                owed.paid();
            }
        }
    }
}

/// A debt on its way. Without an answer, or when the request goes away, nobody
/// knows what became of it: it may be debited twice, never not at all.
struct Owed<'a>(&'a Debts, Option<Want>);

impl Owed<'_> {
    fn paid(mut self) {
        self.1 = None;
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if let Some(debt) = self.1.take() {
            self.0.owe(&debt);
        }
    }
}
