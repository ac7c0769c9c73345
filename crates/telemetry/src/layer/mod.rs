//! The tower layer that makes one record of each request.

mod future;
#[expect(
    clippy::module_inception,
    reason = "the same file names in every middleware folder"
)]
mod layer;
pub(crate) mod sent;
mod service;

pub use future::ResponseFuture;
pub use layer::ObserveLayer;
pub(crate) use sent::REQUEST_ID;
pub use service::Observe;
