//! The probes' answers, for any server to send.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` `/readyz` `/startupz` | Kubernetes text; `?verbose`, `?exclude=<check>` |
//! | `/readyz/<check>` | one row of it |
//! | `/health` | `application/health+json` |
//! | `/health/history` | what changed, when and why; only with details |
//! | `/grpc.health.v1.Health/*` | gRPC's own protocol, see [`grpc`] |
//!
//! Failing probes answer 503, where the Kubernetes API server itself answers
//! 500: the instance is unavailable for now, not broken, and load balancers
//! retry elsewhere on it. The texts are those of the API server.

pub mod grpc;
mod json;
mod text;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::health::{Health, Probe};

impl Health {
    /// The answer to a probe; `None` when the path is none. With `detail` it
    /// says why something fails, which only operators should read.
    ///
    /// ```
    /// use plimsoll_health::Health;
    ///
    /// let health = Health::builder().build()?;
    /// let answer = health.answer("/livez", None, false).unwrap();
    /// assert_eq!(answer.body(), "ok");
    ///
    /// let answer = health.answer("/livez", Some("verbose"), false).unwrap();
    /// assert_eq!(answer.body(), "[+]runtime ok\n[+]workers ok\nlivez check passed\n");
    /// assert!(health.answer("/cards", None, false).is_none());
    /// # Ok::<(), plimsoll_health::HealthError>(())
    /// ```
    pub fn answer(&self, path: &str, query: Option<&str>, detail: bool) -> Option<Response<Bytes>> {
        if path == "/health" {
            return Some(json::answer(self, detail));
        }
        if path == "/health/history" && detail {
            return Some(json::history(self));
        }
        let path = path.strip_prefix('/')?;
        let (probe, check) = match path.split_once('/') {
            Some((probe, check)) => (probe, Some(check)),
            None => (path, None),
        };
        let (probe, name) = match probe {
            "livez" => (Probe::Live, "livez"),
            "readyz" => (Probe::Ready, "readyz"),
            "startupz" => (Probe::Startup, "startupz"),
            _ => return None,
        };
        match check {
            Some(check) => Some(text::one(self, probe, check, detail)),
            None => Some(text::all(self, probe, name, query.unwrap_or(""), detail)),
        }
    }
}

/// An answer that nobody may keep or take for something else.
fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
