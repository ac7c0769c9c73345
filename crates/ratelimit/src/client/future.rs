use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use plimsoll_core::calls::Resend;
use plimsoll_core::{Criticality, current, jitter};
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use super::counts::Event;
use super::layer::Shared;
use super::pace::Place;
use super::{PacingError, Partition, Patience, Replay, ResponseBody, fields, problem};

/// The first wait before a retry, doubled for each further one.
const BACKOFF: Duration = Duration::from_millis(100);

/// The longest of these.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The answer of a [`super::Pacing`].
///
/// # Panics
/// When it has to wait outside a Tokio runtime with time enabled.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<T, E>(Pin<Box<dyn Future<Output = Result<T, E>> + Send>>);

impl<T, E> ResponseFuture<T, E> {
    /// Boxed once a call: beside a way over the network that is nothing.
    pub(super) fn new(call: impl Future<Output = Result<T, E>> + Send + 'static) -> Self {
        Self(Box::pin(call))
    }
}

impl<T, E> Future for ResponseFuture<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T, E> fmt::Debug for ResponseFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// One call of the caller, with all its tries.
pub(super) struct Call {
    shared: Arc<Shared>,
    place: Place,
    /// Reading until which it may wait.
    until: u64,
    has_key: bool,
    /// What the request being answered hands on.
    told: HeaderMap,
}

type Answer<B, E> = Result<Response<ResponseBody<B>>, PacingError<E>>;

impl Call {
    pub(super) fn new<Q>(shared: Arc<Shared>, request: &Request<Q>) -> Self {
        let server = request.uri().authority().map(http::uri::Authority::as_str);
        let host = || request.headers().get(header::HOST)?.to_str().ok();
        let server = server
            .or_else(host)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let extensions = request.extensions();
        let partition = extensions.get::<Partition>();
        let partition = partition.map_or_else(String::new, |part| part.0.clone());
        let settings = &shared.settings;
        let patience = extensions.get::<Patience>();
        let mut patience = patience.map_or(settings.patience, |patience| patience.0);
        let mut told = HeaderMap::new();
        let now = shared.clock.now();
        current::with(|record| {
            let level = record.criticality.map(Criticality::as_str);
            if let (Some(name), Some(level)) = (&settings.criticality, level) {
                told.insert(name, HeaderValue::from_static(level));
            }
            let Some(left) = record.deadline.map(|at| at.saturating_sub(now)) else {
                return;
            };
            let left = Duration::from_nanos(left);
            patience = patience.min(left);
            if let Some(name) = &settings.deadline {
                let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                told.insert(name, HeaderValue::from(millis));
            }
        });
        let has_key = request.headers().contains_key(&IDEMPOTENCY_KEY);
        let nanos = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        Self {
            until: shared.now().saturating_add(nanos),
            place: (server, partition),
            has_key,
            told,
            shared,
        }
    }

    pub(super) async fn run<S, R, Q, B>(
        self,
        mut service: S,
        replay: R,
        request: Request<Q>,
    ) -> Answer<B, S::Error>
    where
        S: Service<Request<Q>, Response = Response<B>>,
        R: Replay<Q>,
        B: Body + Unpin,
    {
        let shared = &*self.shared;
        shared.counts.count(Event::Asked);
        self.throttle()?;
        shared.budget.deposit();
        let (mut head, mut body) = request.into_parts();
        for (name, value) in &self.told {
            head.headers.entry(name).or_insert_with(|| value.clone());
        }
        let mut sent = 0;
        loop {
            let under_way = self.wait_for_a_cell().await?;
            let again = (shared.settings.tries > sent + 1).then(|| replay.again(&body));
            let again = again.flatten();
            if sent > 0 {
                // The first time the caller asked it whether it is ready.
                let ready = poll_fn(|context| service.poll_ready(context)).await;
                ready.map_err(PacingError::Inner)?;
            }
            let mut head_now = head.clone();
            if sent > 0 {
                head_now.extensions.insert(Resend(sent));
            }
            let answer = service.call(Request::from_parts(head_now, body)).await;
            sent += 1;
            drop(under_way);
            let answer = answer.map_err(|error| {
                self.count(false);
                PacingError::Inner(error)
            })?;
            let wait = self.learn(&answer);
            let (retry, answer) = problem::retry(answer).await;
            let Some(retry) = retry.filter(|retry| retry.allows(self.has_key)) else {
                return Ok(answer);
            };
            let wait = wait.unwrap_or_default().max(retry.after());
            let at = shared.now().saturating_add(nanos(backoff(sent, wait)));
            let Some(next) = again.filter(|_| at <= self.until) else {
                shared.counts.count(Event::GivenUp);
                return Ok(answer);
            };
            if !shared.budget.withdraw() {
                shared.counts.count(Event::NoBudget);
                return Ok(answer);
            }
            drop(answer);
            shared.counts.count(Event::Retried);
            shared.sleep_until(at).await;
            body = next;
        }
    }

    /// Refuses by chance what the server would refuse by far more than chance.
    fn throttle<E>(&self) -> Result<(), PacingError<E>> {
        let shared = &*self.shared;
        let multiplier = shared.settings.multiplier;
        let now = shared.now();
        let mut servers = lock(&shared.servers);
        let server = servers.of(&self.place.0);
        let refusal = server.refusal(now, multiplier);
        if refusal > 0.0 && jitter::chance(refusal) {
            server.count(now, false);
            shared.counts.count(Event::Throttled);
            return Err(PacingError::Throttled);
        }
        Ok(())
    }

    async fn wait_for_a_cell<E>(&self) -> Result<UnderWay<'_>, PacingError<E>> {
        let shared = &*self.shared;
        let now = shared.now();
        let reserved = {
            let mut paces = lock(&shared.paces);
            let before = paces.untracked;
            let reserved = paces.reserve(&self.place, now, self.until);
            if paces.untracked > before {
                shared.counts.count(Event::Untracked);
            }
            reserved
        };
        let at = reserved.map_err(|wait| {
            shared.counts.count(Event::TooLong);
            PacingError::TooLong {
                wait: Duration::from_nanos(wait),
            }
        })?;
        let under_way = UnderWay(self);
        if at > now {
            shared.counts.count(Event::Waited);
            shared.sleep_until(at).await;
        }
        Ok(under_way)
    }

    fn count(&self, accepted: bool) {
        let now = self.shared.now();
        lock(&self.shared.servers)
            .of(&self.place.0)
            .count(now, accepted);
    }

    /// Keeps what an answer says of the server; the wait it asks for.
    fn learn<B>(&self, answer: &Response<B>) -> Option<Duration> {
        let shared = &*self.shared;
        let now = shared.now();
        let status = answer.status();
        let overloaded = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        self.count(!overloaded);
        let told = fields::read(answer.headers());
        let wall = shared.clock.wall(shared.clock.now());
        let wait = problem::retry_after(answer.headers(), wall).filter(|_| overloaded);
        let mut paces = lock(&shared.paces);
        if status == StatusCode::TOO_MANY_REQUESTS
            && told.is_empty()
            && let Some(wait) = wait
        {
            paces.close(&self.place, now.saturating_add(nanos(wait)));
        }
        paces.learn(&self.place, now, told);
        wait
    }
}

/// Sent, or about to be, and not answered.
struct UnderWay<'a>(&'a Call);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(&self.0.shared.paces).over(&self.0.place);
    }
}

impl Shared {
    pub(super) fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }

    async fn sleep_until(&self, reading: u64) {
        let at: Instant = self.origin + Duration::from_nanos(reading);
        sleep_until(at).await;
    }
}

/// The wait before the next try: what the server asks for and half of it more by
/// chance, or doubled from try to try, between a half of it and the whole.
fn backoff(sent: u32, asked: Duration) -> Duration {
    if asked.is_zero() {
        let whole = BACKOFF.saturating_mul(1 << sent.saturating_sub(1).min(16));
        let whole = whole.min(BACKOFF_MAX);
        return jitter::additive(whole / 2, whole / 2);
    }
    jitter::additive(asked, asked / 2)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
