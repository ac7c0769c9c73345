//! Logs: the request's canonical line and the application's events, one sink.

pub(crate) mod access;
pub(crate) mod filter;
pub(crate) mod join;
pub(crate) mod json;
pub(crate) mod layer;
pub(crate) mod levels;
pub(crate) mod life;
pub(crate) mod sink;
pub(crate) mod wanted;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One flat JSON object a line.
    Json,
    /// For people at a terminal.
    Pretty,
}
