//! The one layer: every part in its place.

use plimsoll_core::{Rollout, Seat};
use plimsoll_errors::{Errors, ErrorsLayer};
use plimsoll_health::drain::{DrainGate, DrainLayer};
use plimsoll_ratelimit::concurrency::{Concurrency, ConcurrencyLayer};
use plimsoll_ratelimit::timeout::{Timeout, TimeoutLayer};
use plimsoll_ratelimit::{RateLimit, RateLimitLayer};
use plimsoll_telemetry::layer::{Observe, ObserveLayer};
use tower_layer::Layer;

/// What stands around a service, outermost first.
pub type Stack<S> = Observe<Errors<DrainGate<RateLimit<Concurrency<Timeout<S>>>>>>;

/// The one layer. Apply it last, by `Router::layer`: it sees the matched route
/// and everything that was added before it.
#[derive(Debug, Clone)]
pub struct PlimsollLayer {
    pub(crate) observe: ObserveLayer,
    pub(crate) errors: ErrorsLayer,
    pub(crate) drain: DrainLayer,
    pub(crate) limit: RateLimitLayer,
    pub(crate) concurrency: ConcurrencyLayer,
    pub(crate) timeout: TimeoutLayer,
    pub(crate) rollout: Rollout,
}

impl<S> Layer<S> for PlimsollLayer {
    type Service = Stack<S>;

    fn layer(&self, service: S) -> Stack<S> {
        // By it the parts of a second layer by mistake know that they are inside.
        let seat = Seat::next();
        let rollout = || self.rollout.seated(seat);
        // Innermost first. A part sees what the ones above it in this list answer.
        let timeout = self.timeout.clone().rollout(rollout());
        let service = timeout.layer(service);
        // A permit from call to the end of the body, or 503.
        let concurrency = self.concurrency.clone().rollout(rollout());
        let service = concurrency.within_record(service);
        // Before the permit: a client over its quota takes none.
        let limit = self.limit.clone().rollout(rollout());
        let service = limit.layer(service);
        // Counts in flight what is refused too: its answer must reach the client.
        let drain = self.drain.clone().rollout(rollout());
        let service = drain.within_record(service);
        // Gives every refusal and panic from within one shape.
        let errors = self.errors.clone().rollout(rollout());
        let service = errors.layer(service);
        // Counts everything, 429 and panic included.
        self.observe.clone().seated(seat).layer(service)
    }
}
