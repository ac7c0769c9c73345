//! How a result is printed.

use clap::ValueEnum;

/// The choices of `--format`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs; the field `schema` counts incompatible changes
    Json,
}
