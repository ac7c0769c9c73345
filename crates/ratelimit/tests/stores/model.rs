//! The reference: one map, one lock, one clock that a test moves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll_core::Clock;
use plimsoll_ratelimit::gcra::Gcra;
use plimsoll_ratelimit::store::{Call, Calling, Kind, Store, StoreStats, Told};

use crate::suite;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) clock: Clock,
    tats: Mutex<HashMap<Arc<str>, u64>>,
}

impl Model {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            tats: Mutex::default(),
        }
    }

    pub(crate) fn step(&self, call: &Call) -> Told {
        let now = self.clock.now();
        let mut tats = self.tats.lock().unwrap();
        let tat = |key: &Arc<str>| tats.get(key).copied().unwrap_or(0);
        let decide = |gcra: Gcra, tat, cells| gcra.decide(tat, now, cells);
        let mut granted = 1;
        let mut kept = Vec::new();
        for want in &call.wants {
            let (look, clamped) = decide(want.gcra, tat(&want.key), 0);
            let interval = want.gcra.interval();
            kept.push(match call.kind {
                Kind::All => {
                    let (said, kept) = decide(want.gcra, tat(&want.key), want.cells);
                    granted &= u32::from(said.allows());
                    kept
                }
                Kind::Most => {
                    granted = want.cells.min(look.remaining);
                    decide(want.gcra, clamped, granted).1
                }
                Kind::Debit => {
                    (clamped + interval * u64::from(want.cells)).min(now + want.gcra.limit())
                }
                Kind::Credit(nanos) => clamped.saturating_sub(nanos).max(now),
            });
        }
        let mut backlogs = Vec::new();
        for (want, kept) in call.wants.iter().zip(kept) {
            let (_, clamped) = decide(want.gcra, tats.get(&want.key).copied().unwrap_or(0), 0);
            let now_kept = if granted > 0 { kept } else { clamped };
            backlogs.push(now_kept - now);
            if want.cells > 0 {
                tats.insert(Arc::clone(&want.key), now_kept);
            }
        }
        Told { granted, backlogs }
    }
}

impl Store for Model {
    fn call(&self, call: Call) -> Calling<'_> {
        Box::pin(async move { Ok(self.step(&call)) })
    }

    fn is_up(&self) -> bool {
        true
    }

    fn deadline(&self) -> Duration {
        Duration::ZERO
    }

    fn nodes(&self) -> u32 {
        1
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}

#[tokio::test]
async fn the_reference_passes_the_suite() {
    suite::run(Arc::new(Model::new(Clock::manual().0))).await;
}
