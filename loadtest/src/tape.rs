//! Where a journey puts its requests down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::sample::{Answer, Endpoint, Sample};
use crate::stats::Stats;

/// Statistics that all journeys of a run write to; clones share them.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Stats>>);

impl Recorder {
    /// An empty one for a run of this length.
    pub fn new(length: Duration) -> Self {
        Self(Arc::new(Mutex::new(Stats::new(length))))
    }

    /// What has been counted so far. Hold it for a moment only.
    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        // Counters stay whole when a holder panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has come to its end.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Where it went.
    pub endpoint: Endpoint,
    /// When it was sent.
    pub sent: Instant,
    /// When the response head was there, or it was given up.
    pub done: Instant,
    /// What came back.
    pub answer: Answer,
}

/// The tape of one journey.
///
/// Requests wait on it until [`Tape::commit`], because a journey may still find
/// an answer unusable, or as expected, after reading it.
#[derive(Debug)]
pub struct Tape {
    recorder: Recorder,
    origin: Instant,
    due: Instant,
    lag: Duration,
    is_first: bool,
    open: Option<(Endpoint, Instant)>,
    waiting: Vec<Sample>,
}

impl Tape {
    /// Of a journey due at `due` that the generator began `lag` late, in a run
    /// that began at `origin`.
    pub(crate) const fn new(
        recorder: Recorder,
        origin: Instant,
        due: Instant,
        lag: Duration,
    ) -> Self {
        Self {
            recorder,
            origin,
            due,
            lag,
            is_first: true,
            open: None,
            waiting: Vec::new(),
        }
    }

    /// A request goes out now; if the run ends before [`Tape::finished`] it
    /// counts as cut. Where nothing tells its end point, [`Endpoint::unknown`].
    pub fn sending(&mut self, endpoint: Endpoint) {
        self.open = Some((endpoint, Instant::now()));
    }

    /// Nothing is on its way any more.
    pub fn idle(&mut self) {
        self.open = None;
    }

    /// A request has come to its end.
    pub fn finished(&mut self, request: Finished) {
        self.open = None;
        // Later requests answer to what came back before them, so only the
        // first has a time at which it was meant to be sent.
        let (intended, lag) = if self.is_first {
            (self.due.min(request.sent), self.lag)
        } else {
            (request.sent, Duration::ZERO)
        };
        self.is_first = false;
        let since = |at: Instant| at.saturating_duration_since(self.origin);
        self.waiting.push(Sample {
            endpoint: request.endpoint,
            intended: since(intended),
            lag,
            sent: since(request.sent),
            done: since(request.done),
            answer: request.answer,
            expected: None,
        });
    }

    /// The journey's own word on its latest request to `endpoint`.
    pub fn expected(&mut self, endpoint: &Endpoint, as_expected: bool) {
        let latest = self.waiting.iter_mut().rfind(|s| s.endpoint == *endpoint);
        if let Some(sample) = latest {
            sample.expected = Some(as_expected);
        }
    }

    /// Counts what is on the tape.
    pub fn commit(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let mut stats = self.recorder.stats();
        for sample in self.waiting.drain(..) {
            stats.record(&sample);
        }
    }

    /// The run ends here: what is on its way counts as failed at its age.
    pub(crate) fn cut(&mut self) {
        if let Some((endpoint, sent)) = self.open.take() {
            self.finished(Finished {
                endpoint,
                sent,
                done: Instant::now(),
                answer: Answer::Cut,
            });
        }
        self.commit();
    }
}

/// A journey that panics leaves no request uncounted either.
impl Drop for Tape {
    fn drop(&mut self) {
        self.cut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_request_counts_from_the_arrival() {
        let recorder = Recorder::new(millis(1_000));
        let origin = Instant::now();
        let mut tape = Tape::new(recorder.clone(), origin, origin, millis(5));
        for (route, sent, done) in [("/one", 20, 30), ("/two", 50, 55)] {
            let (sent, done) = (origin + millis(sent), origin + millis(done));
            let endpoint = Endpoint::new("GET", route);
            tape.finished(Finished {
                endpoint,
                sent,
                done,
                answer: Answer::Status(200),
            });
        }
        tape.commit();
        let stats = recorder.stats();
        let p50 = |route| {
            let stats = &stats.endpoints()[&Endpoint::new("GET", route)];
            (
                stats.from_intended.quantile_ms(0.5).round(),
                stats.delay.quantile_ms(0.5).round(),
            )
        };
        assert_eq!(p50("/one"), (30.0, 20.0));
        assert_eq!(p50("/two"), (5.0, 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_on_its_way_at_the_end_counts_as_failed_at_its_age() {
        let recorder = Recorder::new(millis(1_000));
        let origin = Instant::now();
        let mut tape = Tape::new(recorder.clone(), origin, origin, Duration::ZERO);
        tape.sending(Endpoint::new("GET", "/slow"));
        tokio::time::advance(millis(700)).await;
        tape.cut();
        let total = recorder.stats().total();
        assert_eq!(total.answers, [(Answer::Cut, 1)].into());
        assert!((699.0..702.0).contains(&total.from_intended.quantile_ms(1.0)));
    }
}
