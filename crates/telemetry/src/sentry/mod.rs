//! Failures of the service as Sentry events: the only module that names a
//! Sentry type. Without the feature `sentry` it does nothing.
//!
//! An event is made from the record of a request that the service or a
//! dependency failed, once, when the request is over. No hub is made for a
//! request, and none of its headers, query or body is sent. Events are bounded
//! by `pace`, leave by a `transport` of our own that counts what a sink really
//! took, and carry the application's last warnings (`crumbs`).

mod crumbs;
#[cfg(feature = "sentry")]
mod event;
#[cfg(feature = "sentry")]
mod limits;
#[cfg(not(feature = "sentry"))]
mod off;
#[cfg(feature = "sentry")]
mod pace;
#[cfg(feature = "sentry")]
mod reporter;
#[cfg(feature = "sentry")]
mod transport;

pub(crate) use crumbs::Crumbs;
#[cfg(not(feature = "sentry"))]
pub(crate) use off::Reporter;
#[cfg(feature = "sentry")]
pub(crate) use reporter::Reporter;
