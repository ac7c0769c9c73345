//! What adopting Plimsoll costs the service: ten lines, and nothing that it had.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod adopting;
mod dropping;
mod losing;
mod recording;
mod serving;
