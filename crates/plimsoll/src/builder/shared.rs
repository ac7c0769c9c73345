//! Limits that several processes share.

use std::sync::Arc;

use plimsoll_core::settings::{Fault, Settings};
use plimsoll_ratelimit::SharedLimiter;
use plimsoll_ratelimit::store::Store;

use super::Builder;
use crate::Error;

impl Builder {
    /// The shared limits, taken from the others, if there is a store for them.
    pub(super) fn fleet(
        &mut self,
        settings: &Settings,
        faults: &mut Vec<Fault>,
    ) -> Result<Option<SharedLimiter>, Error> {
        let address = settings.get("limit_redis").filter(|it| !it.is_empty());
        let Some(store) = address.and_then(|url| self.store(url, settings, faults)) else {
            return Ok(None);
        };
        let limits = std::mem::take(&mut self.limits);
        let (shared, own) = limits
            .into_iter()
            .partition(plimsoll_ratelimit::Limit::is_shared);
        let shared: Vec<_> = shared;
        self.limits = own;
        if shared.is_empty() {
            return Ok(None);
        }
        // Two services with limits of one name don't share them.
        let secret = settings.get("limit_secret").unwrap_or_default();
        let secret = format!("{}\0{secret}", self.service);
        let (clock, trust) = (self.clock.clone(), self.trust.clone());
        Ok(Some(SharedLimiter::with(
            shared,
            store,
            clock,
            trust,
            self.answers.clone(),
            &secret,
        )?))
    }

    #[cfg(feature = "redis")]
    fn store(
        &self,
        url: &str,
        settings: &Settings,
        faults: &mut Vec<Fault>,
    ) -> Option<Arc<dyn Store>> {
        use plimsoll_ratelimit::store::{DEADLINE, Redis};

        let deadline = settings.duration("limit_deadline").unwrap_or(DEADLINE);
        match Redis::open(url) {
            Ok(store) => Some(Arc::new(store.scope(&self.service).deadline(deadline))),
            Err(error) => {
                faults.push(Fault {
                    setting: "limit_redis".into(),
                    problem: format!("{error}; each process counts for itself"),
                });
                None
            }
        }
    }

    #[cfg(not(feature = "redis"))]
    fn store(&self, _: &str, _: &Settings, faults: &mut Vec<Fault>) -> Option<Arc<dyn Store>> {
        faults.push(Fault {
            setting: "limit_redis".into(),
            problem: "this service was built without the feature `redis`; each process counts \
                      for itself"
                .into(),
        });
        None
    }

    /// Names of the limits that are shared where there is a store.
    pub(super) fn shared_names(&self) -> String {
        let shared = self.limits.iter().filter(|limit| limit.is_shared());
        let names: Vec<_> = shared.map(plimsoll_ratelimit::Limit::name).collect();
        names.join(", ")
    }
}
