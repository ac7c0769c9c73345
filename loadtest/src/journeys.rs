//! Journeys of the sample services.
#[cfg(feature = "goose")]
pub mod card;
