//! Refuses on the caller's side what the server would refuse anyway: adaptive
//! throttling as in *Site Reliability Engineering*, chapter 21.

/// Buckets of the window.
const BUCKETS: usize = 24;

/// Nanoseconds of one bucket: five seconds; the window is two minutes.
const BUCKET: u64 = 5_000_000_000;

/// Requests asked for and requests accepted, of the last two minutes.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    buckets: [(u64, u64); BUCKETS],
    /// Number of the newest bucket since the origin.
    newest: u64,
}

impl Throttle {
    /// The probability with which a request has to be refused here.
    pub(super) fn refusal(&mut self, now: u64, multiplier: f64) -> f64 {
        let (requests, accepts) = self.totals(now);
        refusal(requests, accepts, multiplier)
    }

    /// Counts a request whose end is known: the server took it, or it was refused,
    /// here or there. One that is under way says nothing yet.
    pub(super) fn count(&mut self, now: u64, accepted: bool) {
        let bucket = self.bucket(now);
        bucket.0 += 1;
        bucket.1 += u64::from(accepted);
    }

    fn bucket(&mut self, now: u64) -> &mut (u64, u64) {
        let number = now / BUCKET;
        let passed = number.saturating_sub(self.newest);
        for step in 1..=passed.min(BUCKETS as u64) {
            self.buckets[index(number + 1 - step)] = (0, 0);
        }
        self.newest = self.newest.max(number);
        &mut self.buckets[index(self.newest)]
    }

    fn totals(&mut self, now: u64) -> (u64, u64) {
        self.bucket(now);
        let sum = |all: (u64, u64), one: &(u64, u64)| (all.0 + one.0, all.1 + one.1);
        self.buckets.iter().fold((0, 0), sum)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "below the number of buckets"
)]
fn index(number: u64) -> usize {
    (number % BUCKETS as u64) as usize
}

/// Requests from which on anything is refused: one failure of few says little.
const ENOUGH: u64 = 10;

/// max(0, (requests − K · accepts) / (requests + 1)), once there are enough.
#[expect(clippy::cast_precision_loss, reason = "counts of two minutes")]
fn refusal(requests: u64, accepts: u64, multiplier: f64) -> f64 {
    if requests < ENOUGH {
        return 0.0;
    }
    let (requests, accepts) = (requests as f64, accepts as f64);
    ((requests - multiplier * accepts) / (requests + 1.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_server_that_refuses_everything_is_left_alone_and_found_again() {
        let mut throttle = Throttle::default();
        for _ in 0..200 {
            throttle.count(0, false);
        }
        for (bucket, refused) in [(0, true), (23, true), (24, false), (200, false)] {
            let refusal = throttle.refusal(BUCKET * bucket, 2.0);
            assert_eq!(refusal > 0.98, refused, "{refusal} in bucket {bucket}");
            assert!(
                refused || refusal < 0.01,
                "two minutes later it is forgotten"
            );
        }
    }

    proptest! {
        #[test]
        fn a_server_that_takes_half_is_never_throttled(steps in proptest::collection::vec(0_u64..BUCKET, 1..200)) {
            let (mut throttle, mut now) = (Throttle::default(), 0);
            for (turn, step) in steps.into_iter().enumerate() {
                now += step;
                throttle.count(now, turn % 2 == 0);
                let refusal = throttle.refusal(now, 2.0);
                // A pair may be cut by the end of the window: one of eleven and more.
                prop_assert!(refusal <= 0.1, "{refusal}");
                let strict = throttle.refusal(now, 1.0);
                let enough = throttle.totals(now).0 >= ENOUGH;
                prop_assert_eq!(strict > 0.3, enough, "{} with K = 1", strict);
            }
        }

        #[test]
        fn the_probability_is_the_books(requests in 0_u64..1_000_000, accepts in 0_u64..1_000_000) {
            let refusal = refusal(requests, accepts, 2.0);
            prop_assert!((0.0..1.0).contains(&refusal));
            prop_assert_eq!(refusal > 0.0, requests >= ENOUGH && requests > 2 * accepts);
        }
    }
}
