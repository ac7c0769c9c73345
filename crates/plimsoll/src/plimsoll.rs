//! The handle a service holds.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use plimsoll_core::{Clock, Rollout, Secret};
use plimsoll_errors::{Catalog, ErrorsLayer};
use plimsoll_health::drain::{Drain, DrainLayer};
use plimsoll_health::{Budget, Health, Latch};
use plimsoll_ratelimit::client::{Counts, PacingLayer};
use plimsoll_ratelimit::overload::Watch;
use plimsoll_ratelimit::{
    ConcurrencyLayer, ConcurrencyLimit, Limiter, RateLimitLayer, SharedLayer, SharedLimiter,
    TimeoutLayer,
};
use plimsoll_telemetry::{ClientLayer, Report, Telemetry};

use tokio::runtime::RuntimeMetrics;

use crate::collect::Connections;
use crate::serve::Life;
use crate::{Builder, PlimsollLayer, listeners};

/// One instance: its layer, its listeners, its life. Clones share it.
///
/// ```
/// use axum::{Router, routing::get};
/// use plimsoll::{Limit, Plimsoll, Quota};
///
/// # fn main() -> Result<(), plimsoll::Error> {
/// let plimsoll = Plimsoll::builder("card-service")
///     .limit(Limit::per_client().quota(Quota::per_second(100).burst(200)))
///     .build()?;
/// let app: Router = Router::new()
///     .route("/cards/{id}", get(|| async { "a card" }))
///     .layer(plimsoll.layer());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Plimsoll(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) telemetry: Telemetry,
    pub(crate) health: Health,
    pub(crate) limiter: Limiter,
    /// Those of inner layers.
    pub(crate) inner_limiters: Mutex<Vec<Limiter>>,
    pub(crate) fleet: Option<SharedLimiter>,
    pub(crate) concurrency: ConcurrencyLimit,
    pub(crate) of_concurrency: ConcurrencyLayer,
    pub(crate) watch: Watch,
    pub(crate) paced: Counts,
    pub(crate) clock: Clock,
    pub(crate) errors: ErrorsLayer,
    pub(crate) rollout: Rollout,
    pub(crate) timeout: Duration,
    pub(crate) status: Option<SocketAddr>,
    /// Whether nobody named it, but the platform has to reach it.
    pub(crate) status_of_pod: bool,
    pub(crate) control: Option<SocketAddr>,
    pub(crate) control_token: Option<Secret<String>>,
    pub(crate) control_routes: Mutex<Router>,
    pub(crate) catalog: Told,
    pub(crate) budget: Budget,
    pub(crate) connections: Arc<Connections>,
    /// The runtime that serves, once it does.
    pub(crate) runtime: OnceLock<RuntimeMetrics>,
    /// The timer that ends a change of the levels.
    pub(crate) revert: Mutex<Option<tokio::task::AbortHandle>>,
    /// From the first step of starting up to the end.
    pub(crate) life: Mutex<Option<Arc<Life>>>,
}

/// The catalog that the pages were made of, for the control listener.
#[derive(Default)]
pub(crate) struct Told(OnceLock<Catalog>);

impl Told {
    /// `errors.json`; of Plimsoll's own codes when no other catalog was named.
    pub(crate) fn text(&self) -> String {
        match self.0.get() {
            Some(catalog) => catalog.to_json(),
            None => Catalog::own().to_json(),
        }
    }
}

impl std::fmt::Debug for Plimsoll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plimsoll")
            .field("telemetry", &self.0.telemetry)
            .finish_non_exhaustive()
    }
}

impl Plimsoll {
    /// Begins the builder of a service with this name.
    pub fn builder(service: &str) -> Builder {
        Builder::new(service)
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// The one layer. Apply it last: routes added later are not covered.
    pub fn layer(&self) -> PlimsollLayer {
        let shared = &*self.0;
        PlimsollLayer {
            observe: shared.telemetry.layer(),
            errors: shared.errors.clone(),
            drain: DrainLayer::new(self.drain().clone()),
            need: shared.health.need_gate(),
            limit: RateLimitLayer::new(shared.limiter.clone()).clocked_by_record(),
            shared: SharedLayer::maybe(shared.fleet.clone()),
            concurrency: shared.of_concurrency.clone(),
            timeout: TimeoutLayer::new(shared.timeout),
            rollout: shared.rollout.clone(),
        }
    }

    /// The layer for calls to other services: trace context, client spans and
    /// client metrics; see [`crate::client`].
    pub fn client(&self) -> ClientLayer {
        self.0.telemetry.client()
    }

    /// A layer for calls to other services that keeps to what they say of their
    /// limits; see [`crate::pacing`]. It stands around [`Plimsoll::client`]'s, so
    /// that each try is a span of its own. Layers of one instance share the
    /// counts, not what they know.
    pub fn pacing(&self) -> PacingLayer {
        PacingLayer::new()
            .clock(self.0.clock.clone())
            .counted(self.0.paced.clone())
    }

    /// Probes and metrics: changes nothing, needs no token. For a service without
    /// a status listener, or for a server other than [`Plimsoll::serve`]. Merge it
    /// after the layer: what the layer does not cover is neither logged, traced,
    /// limited nor counted.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use plimsoll::Plimsoll;
    ///
    /// # fn main() -> Result<(), plimsoll::Error> {
    /// let plimsoll = Plimsoll::builder("card-service").status(None).build()?;
    /// let app: Router = Router::new()
    ///     .route("/cards/{id}", get(|| async { "a card" }))
    ///     .layer(plimsoll.layer())
    ///     .merge(plimsoll.status_router());
    /// # Ok(())
    /// # }
    /// ```
    pub fn status_router(&self) -> Router {
        listeners::status::routes(self.clone())
    }

    /// Modes, health with details, the ledger, and the service's own control
    /// routes: only for the loopback or behind a token.
    pub fn control_router(&self) -> Router {
        listeners::control::router(self.clone())
    }

    /// What belongs into a host's `tracing` registry for the signals that are
    /// `own`; see [`Telemetry::tracing_layer`].
    pub fn tracing_layer<S>(&self) -> Vec<Box<dyn tracing_subscriber::Layer<S> + Send + Sync>>
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
    {
        self.0.telemetry.tracing_layer()
    }

    /// Appends our series to a host's own metrics page. A family that the host
    /// has already stays the host's.
    pub fn render_into(&self, page: &mut String) {
        self.0.telemetry.render_into(page);
    }

    /// A host's own metrics page with our series after it.
    #[must_use]
    pub fn render_after(&self, mut page: String) -> String {
        self.render_into(&mut page);
        page
    }

    /// Logs, metrics and traces.
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// Checks and probes.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// Names routes whose series should stand at 0 from the first scrape; others
    /// appear with their first request.
    pub fn expect_routes(&self, routes: &[(http::Method, &'static str)]) {
        self.0.telemetry.expect_routes(routes);
    }

    /// The pages that a problem's `type` leads to, `/errors` and
    /// `/errors/{code}`, in the client's voice only: to be merged into the
    /// service's router before the layer. No limit refuses them, so that a
    /// client that was refused can read why. From now on `/errors.json` on the
    /// control listener has the catalog in every voice, for `plimsoll errors
    /// explain --catalog URL`; the first one named stays.
    ///
    /// ```
    /// use plimsoll::{Plimsoll, errors::Catalog};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let plimsoll = Plimsoll::builder("card-service").build()?;
    /// let app: axum::Router = axum::Router::new()
    ///     .merge(plimsoll.error_pages(&Catalog::of(&[])?))
    ///     .layer(plimsoll.layer());
    /// # Ok(())
    /// # }
    /// ```
    pub fn error_pages(&self, catalog: &Catalog) -> Router {
        for route in Catalog::ROUTES {
            self.0.rollout.never_limit(route);
        }
        let _ = self.0.catalog.0.set(catalog.clone());
        catalog.router()
    }

    /// A step of starting up, named on `/startupz` until it is done.
    pub fn startup(&self, name: &str) -> Latch {
        self.0.health.startup(name)
    }

    /// The modes of the parts, changeable while running.
    pub fn rollout(&self) -> &Rollout {
        &self.0.rollout
    }

    /// The drain, for servers other than [`Plimsoll::serve`].
    pub fn drain(&self) -> &Drain {
        self.0.health.drain()
    }

    /// What watches memory and runtime, for servers other than
    /// [`Plimsoll::serve`]: `tokio::spawn(plimsoll.watch().run())`.
    pub fn watch(&self) -> Watch {
        self.0.watch.clone()
    }

    /// Flushes every signal within `limit` and says what was lost. Blocks.
    pub fn shutdown(&self, limit: Duration) -> Report {
        self.0.telemetry.shutdown(limit)
    }
}
