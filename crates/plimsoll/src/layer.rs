//! The one layer: every part in its place.

use plimsoll_core::gate::{Chain, Gated};
use plimsoll_core::{Rollout, Seat};
use plimsoll_errors::{Errors, ErrorsLayer};
use plimsoll_health::NeedGate;
use plimsoll_health::drain::{DrainGate, DrainLayer};
use plimsoll_ratelimit::concurrency::{ConcurrencyGate, ConcurrencyLayer};
use plimsoll_ratelimit::shared::{SharedLayer, SharedLimit};
use plimsoll_ratelimit::timeout::{Timeout, TimeoutLayer};
use plimsoll_ratelimit::{LimitGate, RateLimitLayer};
use plimsoll_telemetry::layer::{Observe, ObserveLayer};
use tower_layer::Layer;

/// What stands around a service, outermost first.
pub type Stack<S> = Observe<Errors<Gated<SharedLimit<Bounded<S>>, Gates>>>;

/// What a request has to pass, outermost first.
pub type Gates = Chain<DrainGate, Chain<NeedGate, LimitGate>>;

/// What a request takes a permit of that its limits let pass.
pub type Bounded<S> = Gated<Timeout<S>, ConcurrencyGate>;

/// The one layer. Apply it last, by `Router::layer`: it sees the matched route
/// and everything that was added before it.
#[derive(Debug, Clone)]
pub struct PlimsollLayer {
    pub(crate) observe: ObserveLayer,
    pub(crate) errors: ErrorsLayer,
    pub(crate) drain: DrainLayer,
    pub(crate) need: NeedGate,
    pub(crate) limit: RateLimitLayer,
    pub(crate) shared: SharedLayer,
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
        let concurrency = self.concurrency.clone().rollout(rollout());
        let service = Gated::new(service, concurrency.gate());
        // Waits for a store, if there are limits that need one, and holds no
        // permit meanwhile.
        let shared = self.shared.clone().rollout(rollout());
        let service = shared.layer(service);
        // Draining counts in flight what is refused too: its answer must reach the
        // client. A client over its quota takes no permit.
        let gates = Chain::new(
            self.drain.clone().rollout(rollout()).gate(),
            Chain::new(
                // What cannot be answered costs nobody's quota.
                self.need.clone().rollout(rollout()),
                self.limit.clone().rollout(rollout()).gate(),
            ),
        );
        let service = Gated::new(service, gates);
        // Gives every refusal and panic from within one shape.
        let errors = self.errors.clone().rollout(rollout());
        let service = errors.layer(service);
        // Counts everything, 429 and panic included.
        self.observe.clone().seated(seat).layer(service)
    }
}
