//! Exports the page of metrics at intervals.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;

use super::Sending;
use super::metrics::{Span, request};
use super::post::Post;
use super::target::Target;
use crate::exports::{Exports, Outlet, Queue};
use crate::ledger::{Balance, Ledger, Reason};

/// A shared handle on the exporting thread. What is counted are data points.
#[derive(Debug, Clone)]
pub(super) struct Reader(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ledger: Ledger,
    exports: Exports,
}

#[derive(Debug, Default)]
struct State {
    sending: u64,
    closing: bool,
    closed: bool,
    hurry: bool,
}

/// What is exported.
pub(super) struct Source {
    pub(super) target: Target,
    pub(super) interval: Duration,
    pub(super) resource: Vec<(String, String)>,
    /// Since when the counts run.
    pub(super) born: SystemTime,
    /// The page; `None` when the instance is gone.
    pub(super) page: Box<dyn Fn() -> Option<String> + Send>,
}

impl Reader {
    pub(super) fn start(source: Source) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("plimsoll-metrics".into())
            .spawn(move || of_thread.export_until_closed(source))?;
        Ok(Self(shared))
    }
}

impl Sending for Reader {
    fn balance(&self) -> Balance {
        let state = self.0.lock();
        self.0.ledger.balance(state.sending)
    }

    /// How the collector takes what it is sent; there is no queue.
    fn outlet(&self) -> Outlet {
        let queue = Queue {
            depth: 0,
            capacity: 0,
        };
        self.0.exports.outlet("otlp_metrics", queue)
    }

    /// Ends a wait in [`Self::close`], now or to come.
    fn hurry(&self) {
        self.0.lock().hurry = true;
        self.0.changed.notify_all();
    }

    /// Says that the next export is the last, and begins it.
    fn begin_close(&self) {
        self.0.lock().closing = true;
        self.0.changed.notify_all();
    }

    /// Exports once more and ends, waiting until `deadline`.
    fn close(&self, deadline: Instant) {
        self.begin_close();
        let mut state = self.0.lock();
        while !state.closed && !state.hurry {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn export_until_closed(&self, source: Source) {
        let _quiet = crate::traces::quiet();
        let post = Post::new(source.target, self.exports.sent().clone());
        loop {
            let closing = self.wait(source.interval);
            let Some(page) = (source.page)() else { break };
            self.export(&post, &page, source.born, &source.resource);
            if closing {
                break;
            }
        }
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for the interval or the end; `true` is the end.
    fn wait(&self, interval: Duration) -> bool {
        let due = Instant::now() + interval;
        let mut state = self.lock();
        while !state.closing {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.closing
    }

    fn export(&self, post: &Post, page: &str, born: SystemTime, resource: &[(String, String)]) {
        let span = Span {
            start_nanos: nanos(born),
            end_nanos: nanos(SystemTime::now()),
        };
        let (request, points) = request(page, span, resource);
        {
            let mut state = self.lock();
            state.sending = points;
            self.ledger.produce(points);
        }
        let begun = Instant::now();
        let answer = post.send(request.encode_to_vec());
        let lost = answer.map_or(points, |answer| {
            let answer = ExportMetricsServiceResponse::decode(answer).unwrap_or_default();
            let refused = answer.partial_success.map(|it| it.rejected_data_points);
            u64::try_from(refused.unwrap_or(0)).unwrap_or(0).min(points)
        });
        self.exports.note(lost == 0, begun.elapsed());
        let mut state = self.lock();
        state.sending = 0;
        self.ledger.deliver(points - lost);
        self.ledger.drop_for(Reason::ExportFailed, lost);
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as u64
}
