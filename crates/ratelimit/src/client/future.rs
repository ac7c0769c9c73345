use std::convert::Infallible;
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
use super::waiting::UnderWay;
use super::{PacingError, Partition, Patience, Replay, ResponseBody, fields, problem};

/// The first wait before a retry, doubled for each further one.
const BACKOFF: Duration = Duration::from_millis(100);

/// The longest of these.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Longer than anybody waits.
const FAR: Duration = Duration::from_hours(24 * 365);

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
    pub(super) shared: Arc<Shared>,
    pub(super) place: Place,
    /// Reading until which it may wait.
    pub(super) until: u64,
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
        let mut under_way = self.wait_for_a_cell().await?;
        let mut sent = 0;
        loop {
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
            let number = under_way.answered();
            let answer = answer.map_err(|error| {
                self.count(false);
                PacingError::Inner(error)
            })?;
            let wait = self.learn(number, &answer);
            let (retry, answer) = problem::retry(answer, shared.instant(self.until)).await;
            let Some(retry) = retry.filter(|retry| retry.allows(self.has_key)) else {
                return Ok(answer);
            };
            let wait = wait.unwrap_or_default().max(retry.after());
            let at = shared.now().saturating_add(nanos(backoff(sent, wait)));
            let Some(next) = again.filter(|_| at <= self.until) else {
                shared.counts.count(Event::GivenUp);
                return Ok(answer);
            };
            let Some(turn) = self.turn_for_a_retry(at).await else {
                return Ok(answer);
            };
            shared.counts.count(Event::Retried);
            (under_way, body) = (turn, next);
        }
    }

    /// Waits out the time before a retry; nothing if it may not be made, and then
    /// the caller has the answer there is.
    async fn turn_for_a_retry(&self, at: u64) -> Option<UnderWay<'_>> {
        let shared = &*self.shared;
        if !shared.budget.withdraw() {
            shared.counts.count(Event::NoBudget);
            return None;
        }
        sleep_until(shared.instant(at)).await;
        let turn = self.wait_for_a_cell::<Infallible>().await;
        if turn.is_err() {
            shared.counts.count(Event::GivenUp);
        }
        turn.ok()
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

    fn count(&self, accepted: bool) {
        let now = self.shared.now();
        lock(&self.shared.servers)
            .of(&self.place.0)
            .count(now, accepted);
    }

    /// Keeps what an answer says of the server; the wait it asks for.
    fn learn<B>(&self, number: u64, answer: &Response<B>) -> Option<Duration> {
        let shared = &*self.shared;
        let now = shared.now();
        let status = answer.status();
        let overloaded = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        self.count(!overloaded);
        let mut told = fields::read(answer.headers());
        let wall = shared.clock.wall(shared.clock.now());
        let wait = problem::retry_after(answer.headers(), wall).filter(|_| overloaded);
        let mut paces = lock(&shared.paces);
        if let Some(wait) = wait {
            paces.close(&self.place, now.saturating_add(nanos(wait)));
        }
        if let Some(wait) = wait.filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
            // Where both say when there is more, `Retry-After` stands.
            for told in told.iter_mut().filter(|told| told.left == 0) {
                told.seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            }
        }
        paces.learn(&self.place, number, now, told);
        wait
    }
}

impl Shared {
    pub(super) fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }

    /// Of what is further away than a clock tells, a year from now.
    pub(super) fn instant(&self, reading: u64) -> Instant {
        let at = self.origin.checked_add(Duration::from_nanos(reading));
        at.unwrap_or_else(|| Instant::now() + FAR)
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

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
