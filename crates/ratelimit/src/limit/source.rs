//! Where a key comes from.

use std::sync::Arc;

use http::request::Parts;
use http::{Extensions, HeaderName};

use super::{Key, Prefixes};

/// Finds the key of a request; `None` leaves the request out of this limit.
pub(crate) type Find = Arc<dyn Fn(&Parts) -> Option<Key> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Source {
    Client(Prefixes),
    Header(HeaderName),
    Route,
    Identity(fn(&Extensions) -> Option<Key>),
    By(Find),
}
