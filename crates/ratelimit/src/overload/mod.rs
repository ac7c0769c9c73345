//! What gives way when there is more to do than can be done.
//!
//! Every request has a [`Criticality`]. The concurrency limit gives the lower
//! levels a share of its permits only ([`Shares`]), and less of it while a
//! [`Watch`] finds that memory or the runtime runs out ([`Pressure`]); what finds
//! no permit is answered at once with 503. So is a request whose trusted caller
//! would be gone before the head. Without an [`Overload`] every request may use
//! all permits and nothing here has a say.
//!
//! ```
//! use http::{Request, Response};
//! use plimsoll_core::Criticality;
//! use plimsoll_ratelimit::overload::{Overload, Shares};
//! use plimsoll_ratelimit::{ConcurrencyLayer, ConcurrencyLimit};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let overload = Overload::new()
//!     .route("/transactions", Criticality::CriticalPlus)
//!     .by(|head| (head.method == "HEAD").then_some(Criticality::Sheddable))
//!     .shares(Shares::new(0.1, 0.5, 0.9)?);
//! let limit = ConcurrencyLimit::new(10);
//! let handler = service_fn(async |_: Request<()>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(String::from("card")))
//! });
//! let service = ConcurrencyLayer::new(limit.clone()).overload(&overload)?.layer(handler);
//!
//! let busy = limit.take();
//! let look = Request::head("/cards/7").body(())?;
//! assert_eq!(service.clone().oneshot(look).await?.status(), 503);
//! let read = Request::get("/cards/7").body(())?;
//! assert_eq!(service.oneshot(read).await?.status(), 200);
//! # drop(busy);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod classes;
mod deadlines;
mod heads;
mod pressure;
mod sheds;
mod watch;

use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use plimsoll_core::peer::Trust;
use plimsoll_core::{Clock, Criticality};

pub(crate) use classes::Classes;
pub use classes::Head;
pub(crate) use deadlines::{Deadlines, Timed};
pub use plimsoll_core::criticality::{Shares, SharesError, Trigger, TriggerError};
pub use pressure::Pressure;
pub(crate) use pressure::room;
pub(crate) use sheds::Sheds;
pub use sheds::{Reason, ShedCount};
pub(crate) use watch::Triggers;
pub use watch::{Readings, Watch};

/// How critical requests are, and what that means under overload; see the [module](self).
#[derive(Clone, Default)]
#[must_use = "it does nothing until a concurrency layer has it"]
pub struct Overload {
    routes: Vec<(String, Criticality)>,
    find: Option<classes::Find>,
    header: Named,
    deadline_header: Named,
    deadlines_of_anyone: bool,
    clock: Clock,
    trust: Trust,
    otherwise: Criticality,
    shares: Shares,
    triggers: Triggers,
}

/// The name of a header, not read yet; empty for none.
#[derive(Debug, Clone, Default)]
struct Named(String);

impl Named {
    fn name(&self) -> Result<Option<HeaderName>, OverloadError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let name = self.0.parse();
        name.map(Some)
            .map_err(|_| OverloadError::Header(self.0.clone()))
    }

    fn as_set(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }
}

/// What a gate asks of a request.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) classes: Classes,
    pub(crate) deadlines: Deadlines,
}

/// Something of an [`Overload`] that cannot be kept as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverloadError {
    /// No such header can be sent.
    #[error("{0:?} is no name of a header; write one such as x-criticality")]
    Header(String),
    /// A route has two levels.
    #[error("the route {0:?} is given a criticality twice; keep one of them")]
    Twice(String),
}

impl Overload {
    /// Every request is `critical`, and the shares are the default ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// The level of a route's requests. The route is the template that the
    /// current record has; without a record every route is `unmatched`.
    pub fn route(mut self, template: &str, level: Criticality) -> Self {
        self.routes.push((template.into(), level));
        self
    }

    /// Lets code say the level, above all else but a [`Criticality`] in the
    /// request's extensions; `None` leaves it to the rest.
    pub fn by(
        mut self,
        find: impl Fn(&Head<'_>) -> Option<Criticality> + Send + Sync + 'static,
    ) -> Self {
        self.find = Some(Arc::new(find));
        self
    }

    /// A header in which trusted callers say the level; its value stands above
    /// the route's. Default: none, and so is an empty name. A trusted proxy that hands on what strangers
    /// send must strip it.
    pub fn header(mut self, name: &str) -> Self {
        self.header = Named(name.into());
        self
    }

    /// A header in which trusted callers say how many milliseconds they wait for
    /// the head, such as `x-request-timeout-ms`; beside it `grpc-timeout` is read.
    /// A request is refused with 503 when its route's heads took longer lately
    /// (by an estimate of the median, no older than 10 s), and the timeout cuts it
    /// when the time is over. Default: none.
    pub fn deadline_header(mut self, name: &str) -> Self {
        self.deadline_header = Named(name.into());
        self
    }

    /// Honours the deadlines of callers that are not trusted too. Then anybody can
    /// have requests refused that count against the objectives.
    pub fn deadlines_of_anyone(mut self) -> Self {
        self.deadlines_of_anyone = true;
        self
    }

    /// The clock by which heads are timed; that of the records.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Whose header is believed where no record says it.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// The level of all other requests. Default: `critical`.
    pub fn otherwise(mut self, level: Criticality) -> Self {
        self.otherwise = level;
        self
    }

    /// What share of the permits each level may use.
    pub fn shares(mut self, shares: Shares) -> Self {
        self.shares = shares;
        self
    }

    /// From which share of its memory limit on the process is pressed, and at which
    /// share nothing is left. Default: 0.85 and 0.95.
    pub fn memory(mut self, trigger: Trigger) -> Self {
        self.triggers.memory = trigger;
        self
    }

    /// From which delay of the runtime on the process is pressed, and at which it
    /// is saturated, in seconds. Default: 0.05 and 0.5.
    pub fn delay(mut self, trigger: Trigger) -> Self {
        self.triggers.delay = trigger;
        self
    }

    /// The header as it is set.
    pub fn header_set(&self) -> Option<&str> {
        self.header.as_set()
    }

    /// The header of deadlines as it is set.
    pub fn deadline_header_set(&self) -> Option<&str> {
        self.deadline_header.as_set()
    }

    /// The shares as they are set.
    pub fn shares_set(&self) -> Shares {
        self.shares
    }

    /// The trigger of the memory as it is set.
    pub fn memory_set(&self) -> Trigger {
        self.triggers.memory
    }

    /// The trigger of the runtime's delay as it is set.
    pub fn delay_set(&self) -> Trigger {
        self.triggers.delay
    }

    pub(crate) fn rules(&self) -> Result<Rules, OverloadError> {
        Ok(Rules {
            classes: Classes::of(self)?,
            deadlines: Deadlines::of(self)?,
        })
    }
}

impl fmt::Debug for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overload")
            .field("routes", &self.routes)
            .field("header", &self.header)
            .field("otherwise", &self.otherwise)
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}
