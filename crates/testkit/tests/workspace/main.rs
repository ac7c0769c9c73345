//! What the workspace promises about itself: who imports whom, what `make` offers, what CI runs.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: a failure is the answer"
)]

mod files;
mod imports;
mod makefile;
mod readme;
mod workflows;
