//! Logs: the request's canonical line and the application's events, one sink.

pub(crate) mod access;
pub(crate) mod callsite;
pub(crate) mod causes;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod join;
pub(crate) mod json;
pub(crate) mod layer;
pub(crate) mod levels;
pub(crate) mod life;
pub(crate) mod notices;
pub(crate) mod pretty;
mod scratch;
pub(crate) mod sink;
mod stamp;
pub(crate) mod style;
pub(crate) mod wanted;
pub(crate) mod write;
mod writer;

/// The JSON Schema (2020-12) of a line: every key, its type and its meaning.
pub const LOG_LINE_SCHEMA: &str = include_str!("../../schema/log-line.schema.json");

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One flat JSON object a line.
    Json,
    /// For people at a terminal.
    Pretty,
}
