//! Catalogs: declared in code by [`catalog!`](crate::catalog!), joined into a
//! [`Catalog`] for people and tools.

#[doc(hidden)]
pub mod declare;
mod document;
mod explain;
mod macros;
#[cfg(feature = "axum")]
mod pages;
mod published;

pub use document::{Catalog, CatalogError, Entry, SCHEMA};
pub use explain::{ExplainError, Found, explain};
