//! The card service from outside: its router and its store on a real database.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod api;
mod common;
mod conforming;
mod exporting;
mod faults;
mod opening;
mod seeding;
mod serving;
mod spending;
