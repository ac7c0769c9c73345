//! What an operator may ask of a limiter.

use plimsoll_core::Mode;

use super::refused::RefusedKey;
use super::{Label, Limiter, Policy};
use crate::answers::Partition;
use crate::quota::Quota;
use std::sync::atomic::Ordering;

/// One policy as it stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PolicyReport {
    /// Its name.
    pub policy: &'static str,
    /// Its quota.
    pub quota: Quota,
    /// Keys that have a quota of their own.
    pub planned_keys: usize,
    /// What it may do.
    pub mode: Mode,
    /// How often it decided what.
    pub decisions: Vec<(&'static str, u64)>,
    /// Decisions on cells that several keys shared.
    pub coarsened: u64,
    /// Cells over `burst + ⌊W / T⌋` that may pass of one key in any stretch of
    /// time, because cores took them in advance; 0 for all but wide bursts.
    pub ahead: u32,
    /// The candidate's quota, and how often it agrees or not. Keys that have a
    /// quota of their own are not weighed.
    pub candidate: Option<(Quota, Vec<(&'static str, u64)>)>,
    /// Who passes now and would be refused most often by the candidate.
    pub newly_denied: Vec<RefusedKey>,
    /// Who was refused most often, or would have been.
    pub refused: Vec<RefusedKey>,
    /// Refusals that `refused` and `newly_denied` do not count, because another
    /// was being noted at that moment.
    pub refused_missed: u64,
}

impl Limiter {
    /// Every policy as it stands.
    pub fn report(&self) -> Vec<PolicyReport> {
        let tags = &self.0.tags;
        let report = |policy: &Policy| policy.report(tags);
        self.0.policies.iter().map(report).collect()
    }
}

impl Policy {
    fn report(&self, tags: &Partition) -> PolicyReport {
        let count = |label| self.counts[label as usize].load(Ordering::Relaxed);
        let candidate = self.candidate.as_ref();
        PolicyReport {
            policy: self.name,
            quota: self.rate.quota(),
            planned_keys: self.plans.as_ref().map_or(0, crate::Plans::len),
            mode: self.mode(),
            decisions: Label::ALL
                .map(|label| (label.as_str(), count(label)))
                .into(),
            coarsened: self.store.coarsened(),
            ahead: self.ahead(),
            candidate: candidate.map(|it| (it.quota, it.counts().into())),
            newly_denied: candidate
                .map_or_else(Vec::new, |it| it.newly_denied.most(self.name, tags)),
            refused: self.refused.most(self.name, tags),
            refused_missed: self.refused.missed()
                + candidate.map_or(0, |it| it.newly_denied.missed()),
        }
    }

    fn ahead(&self) -> u32 {
        let own = self.store.ahead(self.rate.gcra());
        let planned = self.plans.iter().flat_map(crate::Plans::arithmetic);
        let planned = planned.map(|gcra| self.store.ahead(gcra));
        planned.fold(own, u32::max)
    }
}
