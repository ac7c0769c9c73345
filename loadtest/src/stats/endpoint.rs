//! The numbers of one endpoint.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use plimsoll_core::{names::SECONDS_BUCKETS, outcome::Slo};

use super::Latencies;
use crate::sample::{Answer, Judgement, Sample};

/// One endpoint, or several merged.
#[derive(Debug, Clone, Default)]
pub struct EndpointStats {
    /// What users waited: intended to done.
    pub from_intended: Latencies,
    /// What the service and the network took: sent to done.
    pub from_sent: Latencies,
    /// Intended to sent.
    pub delay: Latencies,
    /// How many, by what came back.
    pub answers: BTreeMap<Answer, u64>,
    /// What an SLO counts, latency from intended.
    pub counted: Counted,
    /// The same latencies without the generator's own lag.
    pub reach_without_lag: Reach,
    /// The time line, by when requests were meant to be sent.
    pub moments: Vec<Moment>,
}

/// What an SLO counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// How many requests, by how they count.
    pub judgements: BTreeMap<Judgement, u64>,
    /// Latency of those that are good or bad.
    pub reach: Reach,
}

/// How many latencies are within each of [`SECONDS_BUCKETS`], counted one by
/// one: no histogram's rounding comes between a latency and its objective.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reach {
    /// Latencies within each bound, the shorter ones included.
    pub within: [u64; SECONDS_BUCKETS.len()],
    /// All of them.
    pub count: u64,
    /// Their sum in seconds.
    pub sum_seconds: f64,
}

/// One moment of a time line.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// Intended to done in microseconds, two digits; none before the first request.
    latencies: Option<Histogram<u32>>,
    /// How many, by what came back.
    pub answers: BTreeMap<Answer, u64>,
    /// What an SLO counts, latency from intended.
    pub counted: Counted,
}

impl EndpointStats {
    /// How many requests.
    pub fn requests(&self) -> u64 {
        self.from_intended.count()
    }

    /// How many the service answered.
    pub fn answered(&self) -> u64 {
        self.count(Answer::is_answered)
    }

    /// How many have no answer.
    pub fn unanswered(&self) -> u64 {
        self.count(|answer| !answer.is_answered())
    }

    fn count(&self, is_one: impl Fn(Answer) -> bool) -> u64 {
        let counted = self.answers.iter().filter(|(answer, _)| is_one(**answer));
        counted.map(|(_, count)| count).sum()
    }

    pub(super) fn record(&mut self, sample: &Sample, moment: usize) {
        self.from_intended.record(sample.from_intended());
        self.from_sent.record(sample.from_sent());
        self.delay.record(sample.delay());
        *self.answers.entry(sample.answer).or_default() += 1;
        self.counted.record(sample);
        if sample.judgement().slo() != Slo::Excluded {
            self.reach_without_lag.record(sample.without_lag());
        }
        self.moment(moment).record(sample);
    }

    pub(super) fn merge_shifted(&mut self, other: &Self, moments: usize) {
        self.merge_counts(other);
        for (index, moment) in other.moments.iter().enumerate() {
            self.moment(index + moments).merge(moment);
        }
    }

    pub(super) fn merge_counts(&mut self, other: &Self) {
        self.from_intended.merge(&other.from_intended);
        self.from_sent.merge(&other.from_sent);
        self.delay.merge(&other.delay);
        add(&mut self.answers, &other.answers);
        self.counted.merge(&other.counted);
        self.reach_without_lag.merge(&other.reach_without_lag);
    }

    fn moment(&mut self, index: usize) -> &mut Moment {
        if self.moments.len() <= index {
            self.moments.resize_with(index + 1, Moment::default);
        }
        &mut self.moments[index]
    }
}

impl Counted {
    /// How many an SLO counts so.
    pub fn slo(&self, slo: Slo) -> u64 {
        let judged = self
            .judgements
            .iter()
            .filter(|(judged, _)| judged.slo() == slo);
        judged.map(|(_, count)| count).sum()
    }

    fn record(&mut self, sample: &Sample) {
        let judgement = sample.judgement();
        *self.judgements.entry(judgement).or_default() += 1;
        if judgement.slo() != Slo::Excluded {
            self.reach.record(sample.from_intended());
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        add(&mut self.judgements, &other.judgements);
        self.reach.merge(&other.reach);
    }
}

impl Reach {
    fn record(&mut self, latency: Duration) {
        let seconds = latency.as_secs_f64();
        self.count += 1;
        self.sum_seconds += seconds;
        for (within, bound) in self.within.iter_mut().zip(SECONDS_BUCKETS) {
            *within += u64::from(seconds <= bound);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_seconds += other.sum_seconds;
        for (mine, theirs) in self.within.iter_mut().zip(other.within) {
            *mine += theirs;
        }
    }
}

impl Moment {
    /// How many requests.
    pub fn requests(&self) -> u64 {
        self.answers.values().sum()
    }

    /// At which latency from intended this share is done, milliseconds, to 1 %.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let micros = self.latencies.as_ref()?.value_at_quantile(share);
        Some(micros as f64 / 1_000.0)
    }

    fn record(&mut self, sample: &Sample) {
        let micros = u64::try_from(sample.from_intended().as_micros()).unwrap_or(u64::MAX);
        self.histogram().saturating_record(micros);
        *self.answers.entry(sample.answer).or_default() += 1;
        self.counted.record(sample);
    }

    #[expect(
        clippy::expect_used,
        reason = "adding fails only between histograms of different bounds"
    )]
    pub(crate) fn merge(&mut self, other: &Self) {
        if let Some(latencies) = &other.latencies {
            self.histogram()
                .add(latencies)
                .expect("all moments have the same bounds");
        }
        add(&mut self.answers, &other.answers);
        self.counted.merge(&other.counted);
    }

    #[expect(
        clippy::expect_used,
        reason = "constant bounds, which the library accepts"
    )]
    fn histogram(&mut self) -> &mut Histogram<u32> {
        self.latencies.get_or_insert_with(|| {
            Histogram::new_with_bounds(1, 600_000_000, 2)
                .expect("bounds and digits within the histogram's limits")
        })
    }
}

fn add<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(key.clone()).or_default() += count;
    }
}
