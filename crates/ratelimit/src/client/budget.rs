//! How many retries a client may make: a share of its requests.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a retry costs and what the requests put in, so that ten of them pay for one.
const RETRY: u64 = 10;
const REQUEST: u64 = 1;

/// Retries that may be saved up, and that are there at the start.
const SAVED: u64 = 10;

/// Retries ≤ [`SAVED`] + a tenth of the requests, at any time.
#[derive(Debug)]
pub(super) struct Budget(AtomicU64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU64::new(SAVED * RETRY))
    }
}

impl Budget {
    /// A request was sent that is no retry.
    pub(super) fn deposit(&self) {
        let more = |saved: u64| Some((saved + REQUEST).min(SAVED * RETRY));
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Whether one more retry may be made; then it is paid.
    pub(super) fn withdraw(&self) -> bool {
        let less = |saved: u64| saved.checked_sub(RETRY);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn retries_are_a_tenth_of_the_requests_and_what_was_saved(turns in proptest::collection::vec(any::<bool>(), 0..500)) {
            let (budget, mut requests, mut retries) = (Budget::default(), 0, 0);
            for is_retry in turns {
                if is_retry {
                    retries += u64::from(budget.withdraw());
                } else {
                    budget.deposit();
                    requests += 1;
                }
                prop_assert!(retries <= SAVED + requests / RETRY);
            }
        }
    }

    #[test]
    fn a_client_whose_every_request_fails_sends_a_tenth_more() {
        let budget = Budget::default();
        let retries = (0..10_000).filter(|_| {
            budget.deposit();
            budget.withdraw()
        });
        assert_eq!(retries.count(), 10 + 1_000 - 1);
    }
}
