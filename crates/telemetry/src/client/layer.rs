use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tower_layer::Layer;

use super::error::{Boxed, Typed};
use super::service::Client;
use crate::instance::Instance;

/// Observes calls to other services; see [`crate::client`].
///
/// `C` says how the client's errors are read: [`Typed`], or [`Boxed`].
#[derive(Debug)]
pub struct ClientLayer<C = Typed> {
    pub(super) shared: Arc<Shared>,
    kind: PhantomData<fn() -> C>,
}

/// What the calls of one layer share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) instance: Arc<Instance>,
    pub(super) server: Option<(Box<str>, u16)>,
    pub(super) overwrite: bool,
    pub(super) request_id_to: Vec<String>,
    pub(super) feeds: Feeds,
}

/// Who is told how each call went, and after how long.
type Ear = dyn Fn(bool, Duration) + Send + Sync;

#[derive(Clone, Default)]
pub(super) struct Feeds(Option<Arc<Ear>>);

impl Feeds {
    pub(super) fn tell(&self, good: bool, took: Duration) {
        if let Some(ear) = &self.0 {
            ear(good, took);
        }
    }
}

impl fmt::Debug for Feeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Feeds").field(&self.0.is_some()).finish()
    }
}

impl<C> Clone for ClientLayer<C> {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.shared))
    }
}

impl ClientLayer {
    pub(crate) fn new(instance: Arc<Instance>) -> Self {
        Self::of(Arc::new(Shared {
            instance,
            server: None,
            overwrite: false,
            request_id_to: Vec::new(),
            feeds: Feeds::default(),
        }))
    }

    /// For a client whose error is a `Box<dyn Error + Send + Sync>`, such as one
    /// inside tower's timeout.
    #[must_use]
    pub fn boxed_errors(self) -> ClientLayer<Boxed> {
        ClientLayer::of(self.shared)
    }
}

impl<C> ClientLayer<C> {
    fn of(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            kind: PhantomData,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.shared));
        self
    }

    /// The server that every call goes to. Default: host and port of the request's
    /// URI, else its `Host`. Needed around tonic's `Channel`, which knows its
    /// server by itself.
    #[must_use]
    pub fn server(self, address: &str, port: u16) -> Self {
        self.change(|shared| shared.server = Some((address.into(), port)))
    }

    /// Replaces `traceparent`, `tracestate`, `baggage` and `x-request-id` that the
    /// caller set. Default: they stay.
    #[must_use]
    pub fn overwrite_headers(self) -> Self {
        self.change(|shared| shared.overwrite = true)
    }

    /// Sends the current request's id as `x-request-id` to these hosts; one that
    /// begins with a dot stands for every host that ends with it. Default: none.
    #[must_use]
    pub fn forward_request_id_to<H: Into<String>>(
        self,
        hosts: impl IntoIterator<Item = H>,
    ) -> Self {
        let hosts = hosts.into_iter().map(Into::into);
        self.change(|shared| shared.request_id_to.extend(hosts))
    }

    /// Tells of every call at its end whether the server answered as it should
    /// (no status of 500 and above, for gRPC no status that blames the server, and
    /// not given up before the answer), and after how long: evidence for a health
    /// check, by its `Calls::record`.
    #[must_use]
    pub fn feeds(self, ear: impl Fn(bool, Duration) + Send + Sync + 'static) -> Self {
        self.change(|shared| shared.feeds = Feeds(Some(Arc::new(ear))))
    }

    /// Adds the trace context alone to the headers of a request, for a client
    /// that is no tower service. No call is counted.
    pub fn inject(&self, headers: &mut HeaderMap) {
        let shared = &*self.shared;
        shared.instance.spans().inject(headers, shared.overwrite);
    }
}

impl<S, C> Layer<S> for ClientLayer<C> {
    type Service = Client<S, C>;

    fn layer(&self, inner: S) -> Client<S, C> {
        Client::new(inner, Arc::clone(&self.shared))
    }
}
