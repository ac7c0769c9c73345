//! A limit's quota, which may change while requests are decided by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::gcra::Gcra;
use crate::quota::{Quota, QuotaError};

/// Interval and burst in one word, so that no decision sees half a change; and
/// the quota as it was told, for what is told to clients.
#[derive(Debug)]
pub(super) struct Rate {
    word: AtomicU64,
    quota: Mutex<Quota>,
}

impl Rate {
    pub(super) fn new(quota: Quota) -> Result<Self, QuotaError> {
        Ok(Self {
            word: AtomicU64::new(quota.check()?.packed()),
            quota: Mutex::new(quota),
        })
    }

    #[inline]
    pub(super) fn gcra(&self) -> Gcra {
        Gcra::unpacked(self.word.load(Ordering::Relaxed))
    }

    pub(super) fn quota(&self) -> Quota {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, quota: Quota) -> Result<(), QuotaError> {
        let gcra = quota.check()?;
        let mut told = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        self.word.store(gcra.packed(), Ordering::Relaxed);
        *told = quota;
        Ok(())
    }
}
