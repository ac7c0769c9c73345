//! What a failed answer says about sending the request again.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Buf;
use http::{HeaderMap, Response, header};
use http_body::{Body, Frame};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::ResponseBody;
use super::fields::MAX_SECONDS;

/// Most bytes of a problem that are read to find its `retry`.
const MAX_BYTES: usize = 16_384;

/// Most frames of it.
const MAX_FRAMES: usize = 64;

/// The member `retry` of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Retry {
    policy: Policy,
    #[serde(default)]
    after_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Policy {
    Never,
    Safe,
    SameKey,
    After,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Problem {
    retry: Option<Retry>,
}

impl Retry {
    /// Whether the request may be sent again as it is.
    pub(super) fn allows(self, has_key: bool) -> bool {
        match self.policy {
            Policy::Safe | Policy::After => true,
            Policy::SameKey => has_key,
            Policy::Never | Policy::Unknown => false,
        }
    }

    pub(super) fn after(self) -> Duration {
        let most = MAX_SECONDS * 1_000;
        Duration::from_millis(self.after_ms.unwrap_or(0).min(most))
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), at most an hour.
pub(super) fn retry_after(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are more than an hour.
        Duration::from_secs(text.parse().ok().unwrap_or(MAX_SECONDS))
    } else {
        let at = httpdate::parse_http_date(text).ok()?;
        at.duration_since(wall).unwrap_or(Duration::ZERO)
    };
    (!text.is_empty()).then(|| wait.min(Duration::from_secs(MAX_SECONDS)))
}

/// Reads the `retry` of a problem, and gives the answer back whole: also one that
/// is too long, or not there by `until`.
pub(super) async fn retry<B>(
    response: Response<B>,
    until: Instant,
) -> (Option<Retry>, Response<ResponseBody<B>>)
where
    B: Body + Unpin,
{
    let (head, mut body) = response.into_parts();
    let status = head.status;
    let media = head.headers.get(header::CONTENT_TYPE);
    let is_problem = media.is_some_and(|media| is_problem(media.as_bytes()));
    if !(status.is_client_error() || status.is_server_error()) || !is_problem {
        return (None, Response::from_parts(head, ResponseBody::new(body)));
    }
    let (mut text, mut frames) = (Vec::new(), VecDeque::new());
    let peek = async {
        while frames.len() < MAX_FRAMES {
            let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            let Some(frame) = frame else {
                return true;
            };
            let fits = match frame.as_ref().ok().and_then(Frame::data_ref) {
                // What does not lie in one piece is not read.
                Some(data) => {
                    text.extend_from_slice(data.chunk());
                    data.chunk().len() == data.remaining() && text.len() <= MAX_BYTES
                }
                None => frame.is_ok(),
            };
            frames.push_back(frame);
            if !fits {
                return false;
            }
        }
        false
    };
    // What came so far is in `frames`, so that nothing is lost by giving up.
    let whole = timeout_at(until, peek).await.unwrap_or(false);
    let problem = whole.then(|| serde_json::from_slice::<Problem>(&text).ok());
    let retry = problem.flatten().and_then(|problem| problem.retry);
    let body = ResponseBody::peeked(frames, body);
    (retry, Response::from_parts(head, body))
}

fn is_problem(media: &[u8]) -> bool {
    const PROBLEM: &[u8] = b"application/problem+json";
    let Some((start, rest)) = media.split_at_checked(PROBLEM.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(PROBLEM) && matches!(rest.first(), None | Some(b';' | b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use std::task::Poll;

    fn after(text: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        let wall = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        retry_after(&headers, wall).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999999999999999999", Some(MAX_SECONDS)),
            ("", None),
            ("-1", None),
            ("soon", None),
            ("1.5", None),
        ] {
            assert_eq!(after(text), seconds, "{text}");
        }
    }

    async fn read(media: &str, body: &str) -> Option<Retry> {
        let response = Response::builder()
            .status(503)
            .header("content-type", media);
        let response = response.body(Full::new(Bytes::from(body.to_owned())));
        let until = Instant::now() + Duration::from_secs(5);
        let (retry, response) = retry(response.unwrap(), until).await;
        let told = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(told, body, "the caller has the answer whole");
        retry
    }

    #[tokio::test]
    async fn only_a_problem_within_bounds_says_what_may_be_retried() {
        let media = "application/problem+json; charset=utf-8";
        let safe = r#"{"retry":{"policy":"safe"}}"#;
        assert!(read(media, safe).await.unwrap().allows(false));
        assert_eq!(read("application/json", safe).await, None);
        let long = format!(
            r#"{{"detail":"{}","retry":{{"policy":"safe"}}}}"#,
            "x".repeat(MAX_BYTES)
        );
        assert_eq!(read(media, &long).await, None);
        assert_eq!(read(media, "{").await, None);
        assert_eq!(read(media, "{}").await, None);
        for (policy, without, with) in [
            ("never", false, false),
            ("same_key", false, true),
            ("after", true, true),
            ("whenever", false, false),
        ] {
            let body = format!(r#"{{"retry":{{"policy":"{policy}","after_ms":250}}}}"#);
            let retry = read(media, &body).await.unwrap();
            assert_eq!(
                (retry.allows(false), retry.allows(true)),
                (without, with),
                "{policy}"
            );
            assert_eq!(retry.after(), Duration::from_millis(250));
        }
    }

    /// Gives its frames at once and then nothing, or its end.
    struct Scripted {
        frames: VecDeque<Bytes>,
        ends: bool,
    }

    impl Body for Scripted {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match self.frames.pop_front() {
                Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    async fn peeked(body: Scripted) -> (Option<Retry>, ResponseBody<Scripted>) {
        let response = Response::builder().status(503);
        let response = response.header("content-type", "application/problem+json");
        let until = Instant::now() + Duration::from_secs(2);
        let (retry, response) = retry(response.body(body).unwrap(), until).await;
        (retry, response.into_body())
    }

    #[tokio::test(start_paused = true)]
    async fn a_problem_that_does_not_end_is_handed_on_when_the_call_may_wait_no_longer() {
        let began = Instant::now();
        let start = Bytes::from_static(br#"{"retry":{"policy":"safe"}"#);
        let body = Scripted {
            frames: [start.clone()].into(),
            ends: false,
        };
        let (retry, mut body) = peeked(body).await;
        assert_eq!((retry, began.elapsed().as_secs()), (None, 2));
        assert_eq!(body.size_hint().lower(), start.len() as u64);
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), start);
        let rest = tokio::time::timeout(Duration::from_secs(1), body.frame()).await;
        assert!(rest.is_err(), "it is the server that does not go on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_problem_of_countless_frames_is_looked_at_no_further() {
        for (empty, is_read) in [(10, true), (1_000, false)] {
            let mut frames = VecDeque::from(vec![Bytes::new(); empty]);
            let text = br#"{"retry":{"policy":"safe"}}"#;
            frames.push_back(Bytes::from_static(text));
            let (retry, body) = peeked(Scripted { frames, ends: true }).await;
            assert_eq!(retry.is_some(), is_read);
            let told = body.collect().await.unwrap().to_bytes();
            assert_eq!(told, text.as_slice(), "the caller has the answer whole");
        }
    }
}
