//! What an operator may ask of a limiter.

use plimsoll_core::Mode;

use super::refused::RefusedKey;
use super::{Label, Limiter, Policy};
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
    /// The candidate's quota, and how often it agrees or not.
    pub candidate: Option<(Quota, Vec<(&'static str, u64)>)>,
    /// Who was refused most often, or would have been.
    pub refused: Vec<RefusedKey>,
}

impl Limiter {
    /// Every policy as it stands.
    pub fn report(&self) -> Vec<PolicyReport> {
        self.0.policies.iter().map(Policy::report).collect()
    }
}

impl Policy {
    fn report(&self) -> PolicyReport {
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
            candidate: candidate.map(|it| (it.quota, it.counts().into())),
            refused: self.refused.most(),
        }
    }
}
