//! A sink for Sentry envelopes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::Value;

pub use crate::receiver::Behaviour;
use crate::receiver::{AnswerBody, Desk, Receiver, Verdict, answer};
use crate::wait::until;

/// A sink on a port of its own, until it is dropped. To a Sentry client, a
/// receiver that lies is one that takes everything: its protocol has no partial
/// success.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use plimsoll_testkit::sentry::{Behaviour, Sink};
///
/// let sink = Sink::start(Behaviour::Healthy).await;
/// assert!(sink.dsn().starts_with("http://key@127.0.0.1:"));
/// assert!(sink.events().is_empty());
/// # });
/// ```
#[derive(Debug)]
pub struct Sink {
    receiver: Receiver,
    kept: Arc<Kept>,
}

#[derive(Debug, Default)]
struct Kept(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    arrived: usize,
    envelopes: Vec<Envelope>,
}

/// One envelope: <https://develop.sentry.dev/sdk/data-model/envelopes/>.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Its own headers.
    pub headers: Value,
    /// What it carries.
    pub items: Vec<Item>,
    /// All of it, as it came.
    pub text: String,
}

/// One item of an envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its headers; `type` says what it is.
    pub headers: Value,
    /// Its bytes, without the line end after them.
    pub payload: Vec<u8>,
}

impl Envelope {
    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// When it is not one, saying where it stops being one.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let json = |line: &[u8]| {
            let text = String::from_utf8_lossy(line);
            serde_json::from_slice(line).map_err(|error| format!("{error}: {text}"))
        };
        let (first, mut rest) = line_of(bytes);
        let headers = json(first)?;
        let mut items = Vec::new();
        while !rest.is_empty() {
            let (line, after) = line_of(rest);
            if line.is_empty() {
                rest = after;
                continue;
            }
            let headers: Value = json(line)?;
            let (payload, after) = match headers["length"].as_u64() {
                Some(length) => after
                    .split_at_checked(length as usize)
                    .ok_or_else(|| format!("shorter than its length: {headers}"))?,
                None => line_of(after),
            };
            items.push(Item {
                headers,
                payload: payload.to_vec(),
            });
            rest = after.strip_prefix(b"\n").unwrap_or(after);
        }
        Ok(Self {
            headers,
            items,
            text: String::from_utf8_lossy(bytes).into_owned(),
        })
    }

    /// The JSON payloads of the items of one type.
    fn payloads(&self, kind: &str) -> impl Iterator<Item = Value> {
        let of_kind = self
            .items
            .iter()
            .filter(move |item| item.headers["type"] == kind);
        of_kind.filter_map(|item| serde_json::from_slice(&item.payload).ok())
    }
}

fn line_of(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    match end {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

impl Sink {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub async fn start(behaviour: Behaviour) -> Self {
        let kept = Arc::<Kept>::default();
        let receiver = Receiver::start(Arc::clone(&kept), behaviour).await;
        Self { receiver, kept }
    }

    /// Behaves so from now on; returns once it does.
    ///
    /// # Panics
    ///
    /// When it does not in time.
    pub async fn turn(&self, behaviour: Behaviour) {
        self.receiver.turn(behaviour).await;
    }

    /// The DSN of project 42.
    pub fn dsn(&self) -> String {
        format!("http://key@{}/42", self.receiver.address)
    }

    /// Envelopes that arrived, whatever became of them.
    pub fn arrived(&self) -> usize {
        self.kept.lock().arrived
    }

    /// Envelopes that were answered with 200.
    pub fn envelopes(&self) -> Vec<Envelope> {
        self.kept.lock().envelopes.clone()
    }

    /// The events in them.
    pub fn events(&self) -> Vec<Value> {
        let all = self.envelopes();
        all.iter().flat_map(|one| one.payloads("event")).collect()
    }

    /// What the client told of its own losses.
    pub fn client_reports(&self) -> Vec<Value> {
        let all = self.envelopes();
        all.iter()
            .flat_map(|one| one.payloads("client_report"))
            .collect()
    }

    /// Waits for this many events.
    ///
    /// # Panics
    ///
    /// When they do not come in time.
    pub async fn wait_for(&self, count: usize) -> Vec<Value> {
        until("events", || {
            Some(self.events()).filter(|events| events.len() >= count)
        })
        .await
    }
}

impl Kept {
    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk for Kept {
    type Parcel = Result<Envelope, String>;

    fn arrive(&self, _: &Parts, body: Bytes) -> Result<Envelope, String> {
        self.lock().arrived += 1;
        Envelope::read(&body)
    }

    fn answer(&self, envelope: Result<Envelope, String>, verdict: Verdict) -> Response<AnswerBody> {
        match (verdict, envelope) {
            (Verdict::Refused(status, after), _) => answer(status, after, Vec::new()),
            (Verdict::Kept { .. }, Err(fault)) => {
                answer(StatusCode::BAD_REQUEST, None, fault.into_bytes())
            }
            (Verdict::Kept { .. }, Ok(envelope)) => {
                self.lock().envelopes.push(envelope);
                answer(StatusCode::OK, None, b"{}".to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_and_without_a_length_are_read_and_a_short_one_is_refused() {
        let text = b"{\"event_id\":\"1\"}\n{\"type\":\"event\",\"length\":8}\n{\"a\":\n1}\n{\"type\":\"client_report\"}\n{}\n";
        let envelope = Envelope::read(text).unwrap();
        assert_eq!(envelope.items.len(), 2);
        assert_eq!(envelope.payloads("event").next().unwrap()["a"], 1);
        assert!(Envelope::read(b"{}\n{\"type\":\"event\",\"length\":8}\n{}").is_err());
        assert!(Envelope::read(b"no").is_err());
    }
}
