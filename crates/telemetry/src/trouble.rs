//! What is wrong with telemetry itself, for a health page.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::exports::Outlet;
use crate::ledger::Balance;

/// How long a loss is worth a warning, and a failure is not yet.
const LATELY: Duration = Duration::from_mins(1);

/// Remembers, from one look to the next, when a signal lost something.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<HashMap<&'static str, Seen>>);

#[derive(Debug, Default)]
struct Seen {
    lost: u64,
    /// When more was lost than the time before.
    grew: Option<Instant>,
}

impl Watch {
    /// One sentence for each signal in trouble.
    pub(crate) fn look(
        &self,
        now: Instant,
        balances: &[(&'static str, Balance)],
        outlets: &[Outlet],
    ) -> Option<String> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        for (signal, balance) in balances {
            let seen = seen.entry(signal).or_default();
            let lost = balance.lost_by_fault();
            if lost > seen.lost {
                seen.lost = lost;
                seen.grew = Some(now);
            }
            let lately = |at: Instant| now.saturating_duration_since(at) < LATELY;
            if seen.grew.is_some_and(lately) {
                told.push(format!("{signal} loses: {lost} so far"));
            }
        }
        for outlet in outlets {
            if let Some(failing) = outlet.failing.filter(|failing| *failing > LATELY) {
                let seconds = failing.as_secs();
                told.push(format!("{} fails for {seconds} s", outlet.signal));
            }
        }
        (!told.is_empty()).then(|| told.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports::{Exports, Queue};
    use crate::ledger::{Ledger, Reason};

    #[test]
    fn a_loss_warns_for_a_minute_and_a_bound_on_rates_never() {
        let (watch, ledger) = (Watch::default(), Ledger::default());
        let begin = Instant::now();
        let look = |seconds| {
            let now = begin + Duration::from_secs(seconds);
            watch.look(now, &[("traces", ledger.balance(0))], &[])
        };
        ledger.drop_for(Reason::RateLimited, 9);
        assert_eq!(look(0), None);
        ledger.drop_for(Reason::QueueFull, 2);
        assert_eq!(look(1).as_deref(), Some("traces loses: 2 so far"));
        assert!(look(60).is_some());
        assert_eq!(look(61), None);
        ledger.drop_for(Reason::ExportFailed, 1);
        assert_eq!(look(99).as_deref(), Some("traces loses: 3 so far"));
    }

    #[test]
    fn a_sink_warns_once_it_has_failed_for_longer_than_a_minute() {
        let watch = Watch::default();
        let mut outlet = Exports::default().outlet("sentry", Queue::default());
        for (seconds, expected) in [(60, None), (75, Some("sentry fails for 75 s"))] {
            outlet.failing = Some(Duration::from_secs(seconds));
            let told = watch.look(Instant::now(), &[], std::slice::from_ref(&outlet));
            assert_eq!(told.as_deref(), expected);
        }
    }
}
