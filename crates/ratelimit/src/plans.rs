//! Quotas by key, which can change while the service runs.
//!
//! A table is replaced as a whole; readers take no lock and see the old one or
//! the new one. What a key has used up stays: the next decision goes by the new
//! quota, and the clamp ([`crate::gcra`]) sees to it that a lowered one costs at
//! most its own burst.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use arc_swap::ArcSwap;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::gcra::Gcra;
use crate::limit::{Key, Part};
use crate::quota::{Quota, QuotaError};

/// Named quotas, and which key has which; [`Plans`] checks it.
#[derive(Debug, Clone, Default)]
#[must_use = "a table does nothing until plans have it"]
pub struct PlanTable {
    plans: Vec<(String, Quota)>,
    keys: Vec<(Key, Given)>,
}

#[derive(Debug, Clone)]
enum Given {
    Plan(String),
    Quota(Quota),
}

/// Why a table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A key's plan that is not in the table.
    #[error("no plan is named {0:?}; name it with `.plan(..)`")]
    NoPlan(String),
    /// Two plans with one name.
    #[error("two plans are named {0:?}")]
    Twice(String),
    /// A quota that cannot be kept.
    #[error("plan {name:?}: {error}")]
    Quota {
        /// The plan, or the key whose own quota it is.
        name: String,
        /// What is wrong with it.
        error: QuotaError,
    },
}

impl PlanTable {
    /// No plan and no key.
    pub fn new() -> Self {
        Self::default()
    }

    /// A named quota.
    pub fn plan(mut self, name: impl Into<String>, quota: Quota) -> Self {
        self.plans.push((name.into(), quota));
        self
    }

    /// Gives a key a named quota. An address is that of the network which the
    /// limit counts: for IPv6 the first of its /64.
    pub fn key(mut self, key: impl Into<Key>, plan: impl Into<String>) -> Self {
        self.keys.push((key.into(), Given::Plan(plan.into())));
        self
    }

    /// Gives a key a quota of its own.
    pub fn key_quota(mut self, key: impl Into<Key>, quota: Quota) -> Self {
        self.keys.push((key.into(), Given::Quota(quota)));
        self
    }
}

/// The plans of a limit's keys; clones share them.
///
/// ```
/// use plimsoll_ratelimit::{Limit, PlanTable, Plans, Quota};
///
/// let table = PlanTable::new().plan("pro", Quota::per_second(100)).key("acme", "pro");
/// let plans = Plans::new(table)?;
/// let limit = Limit::by_header("x-tenant")
///     .quota(Quota::per_minute(60))
///     .plans(&plans);
///
/// // Later, from a file or a database:
/// plans.replace(PlanTable::new().key_quota("acme", Quota::per_second(200)))?;
/// # let _ = limit;
/// # Ok::<(), plimsoll_ratelimit::PlanError>(())
/// ```
#[derive(Clone)]
pub struct Plans(Arc<Shared>);

struct Shared {
    hasher: SipHasher13,
    table: ArcSwap<Checked>,
}

#[derive(Default)]
struct Checked {
    quotas: Vec<(Quota, Gcra)>,
    /// By 128 bits of a keyed hash, as the stores keep keys.
    keys: HashMap<u128, usize>,
}

impl Plans {
    /// Checks the table.
    ///
    /// # Errors
    /// When a quota cannot be kept or a key's plan is not in the table.
    pub fn new(table: PlanTable) -> Result<Self, PlanError> {
        let drawn = || RandomState::new().hash_one(());
        let plans = Self(Arc::new(Shared {
            hasher: SipHasher13::new_with_keys(drawn(), drawn()),
            table: ArcSwap::default(),
        }));
        plans.replace(table)?;
        Ok(plans)
    }

    /// Puts this table in the place of the one before.
    ///
    /// # Errors
    /// As [`Plans::new`]; then the table before stays.
    pub fn replace(&self, table: PlanTable) -> Result<(), PlanError> {
        let checked = self.checked(table)?;
        self.0.table.store(Arc::new(checked));
        Ok(())
    }

    fn checked(&self, table: PlanTable) -> Result<Checked, PlanError> {
        let mut checked = Checked::default();
        let mut named = HashMap::new();
        for (name, quota) in table.plans {
            let at = checked.add(&name, quota)?;
            if named.insert(name.clone(), at).is_some() {
                return Err(PlanError::Twice(name));
            }
        }
        for (key, given) in table.keys {
            let at = match given {
                Given::Plan(name) => *named.get(&name).ok_or(PlanError::NoPlan(name))?,
                Given::Quota(quota) => checked.add(&format!("{key:?}"), quota)?,
            };
            checked.keys.insert(self.id(key.part()), at);
        }
        Ok(checked)
    }

    /// The quota of a key, if it has one of its own.
    pub(crate) fn of(&self, key: Part<'_>) -> Option<(Quota, Gcra)> {
        let table = self.0.table.load();
        let at = *table.keys.get(&self.id(key))?;
        table.quotas.get(at).copied()
    }

    /// The arithmetic of every quota.
    pub(crate) fn arithmetic(&self) -> Vec<Gcra> {
        let table = self.0.table.load();
        table.quotas.iter().map(|(_, gcra)| *gcra).collect()
    }

    /// How many keys have a quota of their own.
    pub fn len(&self) -> usize {
        self.0.table.load().keys.len()
    }

    /// Whether no key has a quota of its own.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn id(&self, key: Part<'_>) -> u128 {
        let mut hasher = self.0.hasher;
        key.hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

impl Checked {
    fn add(&mut self, name: &str, quota: Quota) -> Result<usize, PlanError> {
        let gcra = quota.check().map_err(|error| PlanError::Quota {
            name: name.into(),
            error,
        })?;
        self.quotas.push((quota, gcra));
        Ok(self.quotas.len() - 1)
    }
}

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plans")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(plans: &Plans, key: &str) -> Option<u32> {
        plans
            .of(Key::from(key).part())
            .map(|(quota, _)| quota.count())
    }

    #[test]
    fn a_table_is_taken_whole_or_not_at_all() {
        let table = PlanTable::new()
            .plan("pro", Quota::per_second(100))
            .key("acme", "pro")
            .key_quota("solo", Quota::per_second(7));
        let plans = Plans::new(table).unwrap();
        assert_eq!(
            (count(&plans, "acme"), count(&plans, "solo")),
            (Some(100), Some(7))
        );
        assert_eq!(count(&plans, "other"), None);

        let pro = |table: PlanTable| table.plan("pro", Quota::per_second(1));
        for (wrong, part) in [
            (
                PlanTable::new().key("acme", "gold"),
                "no plan is named \"gold\"",
            ),
            (pro(pro(PlanTable::new())), "two plans"),
            (
                pro(PlanTable::new()).key_quota("acme", Quota::per_second(0)),
                "at least 1",
            ),
        ] {
            let told = plans.replace(wrong).unwrap_err().to_string();
            assert!(told.contains(part), "{told}");
            assert_eq!(count(&plans, "acme"), Some(100));
        }
        plans.replace(PlanTable::new()).unwrap();
        assert!(plans.is_empty());
    }
}
