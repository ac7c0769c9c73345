//! A limit's quota, which may change while requests are decided by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::gcra::Gcra;
use crate::quota::{Quota, QuotaError};

/// Interval and burst in one word, so that no decision sees half a change; and
/// the quota as it was told, for what is told to clients.
#[derive(Debug)]
pub(super) struct Rate {
    word: AtomicU64,
    quota: ArcSwap<Quota>,
}

impl Rate {
    pub(super) fn new(quota: Quota) -> Result<Self, QuotaError> {
        Ok(Self {
            word: AtomicU64::new(quota.check()?.packed()),
            quota: ArcSwap::from_pointee(quota),
        })
    }

    #[inline]
    pub(super) fn gcra(&self) -> Gcra {
        Gcra::unpacked(self.word.load(Ordering::Relaxed))
    }

    pub(super) fn quota(&self) -> Quota {
        **self.quota.load()
    }

    /// For one caller at a time.
    pub(super) fn set(&self, quota: Quota) -> Result<(), QuotaError> {
        let gcra = quota.check()?;
        self.word.store(gcra.packed(), Ordering::Relaxed);
        self.quota.store(Arc::new(quota));
        Ok(())
    }
}
