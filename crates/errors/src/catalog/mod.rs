//! Catalogs: declared in code by [`catalog!`](crate::catalog!), joined into a
//! [`Catalog`] for people and tools.

#[doc(hidden)]
pub mod declare;
mod differences;
mod document;
mod example;
mod explain;
mod macros;
#[cfg(feature = "axum")]
mod pages;
mod published;

pub use differences::{Difference, Kind, State};
pub use document::{Advice, Catalog, CatalogError, Entry, SCHEMA};
pub use explain::{ExplainError, Found, explain};
