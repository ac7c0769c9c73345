//! The caller's half: a layer around any HTTP client that keeps to what servers
//! say of their limits.
//!
//! - **Paces.** `RateLimit` and `RateLimit-Policy` (draft-11) tell what may be sent;
//!   when nothing is left a call waits for its turn, or fails at once if the turn
//!   comes after the caller's patience. Each server, and each [`Partition`] the
//!   caller names, has a pace and a queue of its own. `Retry-After` of a 429 or 503
//!   closes the place for that time, whatever the fields beside it say. Policies
//!   in other units than requests are not paced by.
//! - **Forgets.** A policy that the newest answer does not name is gone; so is one
//!   that no answer told of again for its whole window. Where one server has
//!   several limits on different routes, name a [`Partition`] for each.
//! - **Takes turns.** The oldest call goes first, and a call that is dropped while
//!   it waits takes nothing along. Where callers give up, the newest goes first,
//!   since those that waited long would not wait for the answer either. Calls
//!   under way may not stand in what the server said is left, so no more are under
//!   way side by side than that.
//! - **Retries** only what a problem (RFC 9457) calls safe in its member `retry`:
//!   `safe` and `after` for any request, `same_key` for one with an
//!   `Idempotency-Key`; anything else, an error of the connection included, goes
//!   to the caller. Retries are at most a tenth of the requests.
//! - **Throttles.** While a server refuses most of what it is sent, calls are
//!   refused here with the probability max(0, (requests − 2·accepts) / (requests + 1)),
//!   from the tenth request in two minutes on.
//! - **Hands on** how critical the request being answered is, and how long it may
//!   still take.
//!
//! A call that is not sent ends with a [`PacingError`]; [`Counts`] says how often
//! what happened. Nothing is ever sent twice side by side.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use plimsoll_ratelimit::client::{Event, PacingLayer};
//! use tower::{Layer as _, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! // In place of a client that connects:
//! let server = service_fn(async |_: Request<Full<Bytes>>| {
//!     let answer = Response::builder()
//!         .header("ratelimit", r#""per-client";r=0;t=2"#)
//!         .body(Full::<Bytes>::default());
//!     Ok::<_, std::convert::Infallible>(answer.unwrap())
//! });
//! let layer = PacingLayer::new();
//! let client = layer.layer(server);
//! for _ in 0..2 {
//!     let request = Request::get("http://cards.internal/cards/7").body(Full::default());
//!     client.clone().oneshot(request.unwrap()).await.unwrap();
//! }
//! assert_eq!(layer.counts().of(Event::Waited), 1, "the second waited for two seconds");
//! # });
//! ```
//!
//! For a caller in a hurry, whose bodies cannot be had twice:
//!
//! ```
//! # use std::time::Duration;
//! use plimsoll_ratelimit::client::{Once, PacingLayer};
//!
//! let layer = PacingLayer::new()
//!     .patience(Duration::from_millis(200))
//!     .criticality_header(http::HeaderName::from_static("x-criticality"))
//!     .replay(Once);
//! # let _ = layer;
//! ```

mod body;
mod budget;
mod cells;
mod counts;
mod error;
mod fields;
mod future;
mod layer;
mod pace;
mod problem;
mod queue;
mod replay;
mod servers;
mod service;
#[cfg(test)]
mod tests;
mod throttle;
mod waiting;

use std::time::Duration;

pub use body::ResponseBody;
pub use counts::{Counts, Event};
pub use error::PacingError;
pub use future::ResponseFuture;
pub use layer::{DEFAULT_PATIENCE, DEFAULT_TRIES, PacingLayer};
pub use replay::{By, Cloned, MAX_REPLAYED, Once, Replay};
pub use service::Pacing;

/// Whom the server counts a call for, where one client calls for several, such as
/// tenants with keys of their own. Put it into the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition(pub String);

/// How long a call may wait in all before it is sent. Put it into the request's
/// extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Duration);
