use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::services::Seat;
use super::wire::Told;
use crate::health::Health;

/// How often a stream looks by itself: evidence also changes by growing old.
const LOOK: Duration = Duration::from_millis(250);

/// A stream that tells of a name, at once and whenever it changes.
pub(super) struct Watch {
    pub(super) health: Health,
    pub(super) name: Box<str>,
    pub(super) last: Option<Told>,
    /// Given back when the stream ends.
    pub(super) _seat: Seat,
}

impl Watch {
    /// The next message. A drain is the last one: then the stream ends, for no
    /// client must be relied on to leave.
    pub(super) async fn next(mut self) -> Option<(Bytes, Self)> {
        let health = self.health.clone();
        loop {
            let mut changed = std::pin::pin!(health.0.services.changed.notified());
            // Listen first, look after: a change in between is not missed.
            changed.as_mut().enable();
            let draining = health.drain().is_draining();
            let now = health.serving(&self.name);
            let now = now.unwrap_or(Told::ServiceUnknown);
            if self.last != Some(now) {
                self.last = Some(now);
                return Some((now.message(), self));
            }
            if draining {
                return None;
            }
            let told = async {
                tokio::select! {
                    () = changed => {}
                    () = health.drain().begun() => {}
                }
            };
            let _ = timeout(LOOK, told).await;
        }
    }
}
