//! What a run counted: three clocks for each endpoint, outcomes, a time line.

mod endpoint;
mod histogram;

use std::{collections::BTreeMap, time::Duration};

use plimsoll_core::names::value;

pub use endpoint::{Counted, EndpointStats, Moment, Reach};
pub use histogram::{Latencies, Quantiles};

use crate::sample::{Endpoint, Sample};

/// Endpoints beyond this many are folded into one. They are route templates, so
/// more of them means that requests are named by path.
pub const MAX_ENDPOINTS: usize = 200;
/// Moments of a time line, at most: a longer run has wider ones.
const MAX_MOMENTS: u64 = 300;
/// A journey begun later than this after its arrival did not bring the load when asked.
pub const LATE: Duration = Duration::from_millis(500);

/// Everything counted so far.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_loadtest::{sample::{Answer, Endpoint, Sample}, stats::Stats};
/// let millis = Duration::from_millis;
/// let mut stats = Stats::new(Duration::from_secs(30));
/// stats.record(&Sample {
///     endpoint: Endpoint::new("GET", "/cards"),
///     intended: millis(0), lag: millis(0), sent: millis(90), done: millis(100),
///     answer: Answer::Status(200), expected: None,
/// });
/// let cards = &stats.endpoints()[&Endpoint::new("GET", "/cards")];
/// let p50 = |latencies: &plimsoll_loadtest::stats::Latencies| latencies.quantiles().p50_ms.round();
/// assert_eq!((p50(&cards.from_intended), p50(&cards.from_sent)), (100.0, 10.0));
/// ```
#[derive(Debug, Clone)]
pub struct Stats {
    width: Duration,
    endpoints: BTreeMap<Endpoint, EndpointStats>,
    /// Arrivals whose journey was begun.
    pub begun: u64,
    /// Of them, journeys that came to their end.
    pub finished: u64,
    /// Of them, journeys begun more than [`LATE`] after their arrival.
    pub late: u64,
    /// Of them, journeys that had to wait for a free slot.
    pub waited: u64,
    /// Of them, journeys that got no slot before the run ended.
    pub unsent: u64,
    /// Of them, journeys that the end of the run cut.
    pub cut: u64,
    /// Of them, journeys that panicked.
    pub panicked: u64,
    /// Of them, journeys that came to their end with an error of their own.
    pub failed: u64,
    /// From arrival to the beginning of the journey: the generator's own lag.
    pub lag: Latencies,
    /// From arrival to the end of the journey.
    pub journeys: Latencies,
    /// Longest wait for a free slot.
    pub longest_wait: Duration,
}

impl Stats {
    /// Nothing yet, of a run of this length.
    pub fn new(length: Duration) -> Self {
        Self {
            width: Duration::from_secs(length.as_secs().div_ceil(MAX_MOMENTS).max(1)),
            endpoints: BTreeMap::new(),
            begun: 0,
            finished: 0,
            late: 0,
            waited: 0,
            unsent: 0,
            cut: 0,
            panicked: 0,
            failed: 0,
            lag: Latencies::default(),
            journeys: Latencies::default(),
            longest_wait: Duration::ZERO,
        }
    }

    /// Length of one moment of the time lines, whole seconds.
    pub const fn width(&self) -> Duration {
        self.width
    }

    /// By endpoint.
    pub const fn endpoints(&self) -> &BTreeMap<Endpoint, EndpointStats> {
        &self.endpoints
    }

    /// Counts a request.
    pub fn record(&mut self, sample: &Sample) {
        let known = self.endpoints.contains_key(&sample.endpoint);
        let endpoint = if known || self.endpoints.len() < MAX_ENDPOINTS {
            sample.endpoint.clone()
        } else {
            Endpoint::new(value::OTHER, value::OVERFLOW)
        };
        let moment = sample.intended.as_secs() / self.width.as_secs();
        self.endpoints
            .entry(endpoint)
            .or_default()
            .record(sample, usize::try_from(moment).unwrap_or(usize::MAX));
    }

    /// Counts an arrival whose journey began `lag` late.
    pub fn begin(&mut self, lag: Duration) {
        self.begun += 1;
        self.lag.record(lag);
        if lag > LATE {
            self.late += 1;
        }
    }

    /// Counts a wait for a free slot.
    pub fn wait(&mut self, length: Duration) {
        self.waited += 1;
        self.longest_wait = self.longest_wait.max(length);
    }

    /// All endpoints as one, without a time line: cheap enough for a progress line.
    pub fn overall(&self) -> EndpointStats {
        let mut overall = EndpointStats::default();
        for stats in self.endpoints.values() {
            overall.merge_counts(stats);
        }
        overall
    }

    /// All endpoints as one.
    pub fn total(&self) -> EndpointStats {
        let mut total = EndpointStats::default();
        for stats in self.endpoints.values() {
            total.merge_shifted(stats, 0);
        }
        total
    }

    /// Adds what another generator counted, or another phase that began `shift`
    /// later; its time line is moved by whole moments.
    pub fn merge(&mut self, other: &Self, shift: Duration) {
        let moments = shift.as_secs() / self.width.as_secs();
        for (endpoint, stats) in &other.endpoints {
            let moments = usize::try_from(moments).unwrap_or(usize::MAX);
            let mine = self.endpoints.entry(endpoint.clone()).or_default();
            mine.merge_shifted(stats, moments);
        }
        self.begun += other.begun;
        self.finished += other.finished;
        self.late += other.late;
        self.waited += other.waited;
        self.unsent += other.unsent;
        self.cut += other.cut;
        self.panicked += other.panicked;
        self.failed += other.failed;
        self.lag.merge(&other.lag);
        self.journeys.merge(&other.journeys);
        self.longest_wait = self.longest_wait.max(other.longest_wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Answer;
    use proptest::prelude::*;

    fn sample(route: &str, intended: u64, done: u64, answer: Answer) -> Sample {
        Sample {
            endpoint: Endpoint::new("GET", route),
            intended: Duration::from_millis(intended),
            lag: Duration::ZERO,
            sent: Duration::from_millis(intended),
            done: Duration::from_millis(done),
            answer,
            expected: None,
        }
    }

    #[test]
    fn endpoints_without_end_are_folded() {
        let mut stats = Stats::new(Duration::from_secs(10));
        for number in 0..1_000 {
            stats.record(&sample(
                &format!("/cards/{number}"),
                0,
                1,
                Answer::Status(200),
            ));
        }
        assert_eq!(stats.endpoints().len(), MAX_ENDPOINTS + 1);
        assert_eq!(stats.total().requests(), 1_000);
    }

    #[test]
    fn a_long_run_has_wide_moments() {
        assert_eq!(
            Stats::new(Duration::from_mins(5)).width(),
            Duration::from_secs(1)
        );
        assert_eq!(
            Stats::new(Duration::from_secs(301)).width(),
            Duration::from_secs(2)
        );
    }

    proptest! {
        #[test]
        fn two_halves_merged_are_the_whole(requests in prop::collection::vec((0..20_000_u64, 0..3_000_u64, 0..4_usize), 0..200)) {
            let answers = [Answer::Status(200), Answer::Status(404), Answer::Status(503), Answer::Timeout];
            let length = Duration::from_secs(20);
            let (mut whole, mut left, mut right) = (Stats::new(length), Stats::new(length), Stats::new(length));
            for (index, (at, took, answer)) in requests.iter().enumerate() {
                let sample = sample("/cards", *at, at + took, answers[*answer]);
                whole.record(&sample);
                if index % 2 == 0 { left.record(&sample) } else { right.record(&sample) }
            }
            left.merge(&right, Duration::ZERO);
            let (whole, merged) = (whole.total(), left.total());
            prop_assert_eq!(whole.from_intended.quantiles(), merged.from_intended.quantiles());
            prop_assert_eq!(&whole.counted.judgements, &merged.counted.judgements);
            prop_assert_eq!(whole.counted.reach.within, merged.counted.reach.within);
            prop_assert_eq!(whole.moments.len(), merged.moments.len());
        }
    }
}
